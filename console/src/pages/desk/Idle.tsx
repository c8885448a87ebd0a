import HeadsetMicOutlined from '@mui/icons-material/HeadsetMicOutlined';
import { useFormat, useT } from '@/i18n';
import { useMySlot } from '@/live/board';
import { Empty } from '@/ui/empty';
import { Section } from '@/ui/page';

/** Nothing is on: what is missing for a call to come, or that all is ready. */
export function Idle() {
    const t = useT();
    const format = useFormat();
    const { slot } = useMySlot();
    if (slot === undefined) return null;
    const isOff = slot !== null && !slot.registered;
    return (
        <Section>
            {slot === null ? (
                <Empty icon={HeadsetMicOutlined} title={t('desk.no_slot')} hint={t('desk.no_slot_hint')} />
            ) : (
                <Empty icon={HeadsetMicOutlined} title={isOff ? t('desk.phone_off', { slot: slot.number, time: format.short(slot.since) }) : t('desk.ready')} />
            )}
        </Section>
    );
}
