import { useT } from '@/i18n';
import { useBoardSlots } from '@/live/board';
import { Person } from '../values';

/** Somebody who works here. Operators read no accounts, and yet see who has taken which slot: by that they know the name. */
export function Colleague({ id }: { id: string | null | undefined }) {
    const t = useT();
    const { slots } = useBoardSlots();
    const name = slots?.find(({ holder }) => holder === id)?.holder_name;
    return <Person id={id} name={id ? name || t('missed.colleague') : undefined} />;
}
