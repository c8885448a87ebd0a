import { WhenField } from '../crm/WhenField';
import { useConsoleInput, type InputProps } from './inputs';
import { ifSeen } from './rights';

/** A moment that lies ahead, in the person's time zone; milliseconds since 1970 on the wire. */
export const WhenInput = ifSeen(function WhenInput(props: InputProps) {
    const { field, error, label } = useConsoleInput(props);
    return <WhenField value={typeof field.value === 'number' ? field.value : null} onChange={field.onChange} label={label} error={Boolean(error.text)} helperText={error.text} />;
});
