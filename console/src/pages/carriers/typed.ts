import { useWatch } from 'react-hook-form';
import type { CarrierForm } from './wire';

/** What the form holds of these, as it is typed. */
export function useTyped(...names: (keyof CarrierForm)[]): Partial<CarrierForm> {
    const values = useWatch({ name: names });
    return Object.fromEntries(names.map((name, index) => [name, values[index]])) as Partial<CarrierForm>;
}
