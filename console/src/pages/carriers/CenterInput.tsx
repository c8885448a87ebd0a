import { useGetList } from 'ra-core';
import type { Center } from '@/api/types';
import { useCan } from '@/access/me';
import { SelectInput, TextInput } from '@/ui/form/inputs';

/** Whose a number of a shared carrier is. */
export function CenterInput({ source }: { source: string }) {
    const can = useCan();
    const { data } = useGetList<Center>('centers', { pagination: { page: 1, perPage: 200 }, sort: { field: 'id', order: 'ASC' }, meta: { count: 'none' } }, { enabled: can('centers.read'), staleTime: 60_000, retry: false, onError: () => undefined });
    if (!data) return <TextInput source={source} label="carriers.center" maxLength={20} />;
    return <SelectInput source={source} label="carriers.center" empty="carriers.center_own" choices={data.map(({ id, name }) => ({ id, name }))} />;
}
