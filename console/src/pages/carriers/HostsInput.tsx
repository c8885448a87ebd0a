import Add from '@mui/icons-material/Add';
import Close from '@mui/icons-material/Close';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useTranslate } from 'ra-core';
import { get, useFormContext, useFormState, useWatch } from 'react-hook-form';
import { useT } from '@/i18n';
import { faultText, useConsoleInput } from '@/ui/form/inputs';
import { ifSeen } from '@/ui/form/rights';
import { isNoHost, readHost, writeHost, type HostTransport } from './host';

const TRANSPORTS: HostTransport[] = ['automatic', 'udp', 'tcp', 'tls'];
/** The most hosts that a carrier has. */
const HOSTS_MAX = 16;

/** Where a carrier is: a place and a transport each, the next if one does not answer. */
export const HostsInput = ifSeen(function HostsInput({ source, autoFocus }: { source: string; autoFocus?: boolean }) {
    const t = useT();
    const translate = useTranslate();
    const { setValue } = useFormContext();
    const { errors } = useFormState();
    const { field, disabled } = useConsoleInput({ source, label: 'carriers.hosts', validate: (value: unknown) => (Array.isArray(value) && !value.every(isNoHost) ? undefined : 'form.required') });
    const held = useWatch({ name: source }) as string[] | undefined;
    const hosts = held?.length ? held : [''];
    const put = (next: string[]) => {
        field.onChange(next);
        setValue(source, next, { shouldDirty: true });
    };
    const faults = get(errors, source) as Record<string, unknown> | undefined;
    return (
        <Box sx={{ mb: 1.25 }}>
            {hosts.map((uri, index) => {
                const { place, transport } = readHost(uri);
                const fault = faultText(faults?.[index] as never, translate) || (index === 0 ? faultText(faults as never, translate) : '');
                return (
                    <Box key={index} sx={{ display: 'flex', gap: 1, alignItems: 'flex-start', mb: 1 }}>
                        <TextField
                            label={index === 0 ? t('carriers.host') : t('carriers.host_next', { number: index + 1 })}
                            required={index === 0}
                            value={place}
                            disabled={disabled}
                            autoFocus={autoFocus && index === 0}
                            error={Boolean(fault)}
                            helperText={fault || (index === 0 ? t('carriers.host_hint') : ' ')}
                            onChange={(event) => {
                                const typed = readHost(event.target.value);
                                // A whole URI that is pasted brings its transport along.
                                put(hosts.with(index, writeHost(/^sips?:/i.test(event.target.value) ? typed : { place: typed.place, transport })));
                            }}
                            onBlur={field.onBlur}
                            sx={{ flex: 1 }}
                            slotProps={{ htmlInput: { maxLength: 300, spellCheck: false, autoCapitalize: 'off' } }}
                        />
                        <TextField
                            select
                            label={t('carriers.transport')}
                            value={transport}
                            disabled={disabled}
                            onChange={(event) => put(hosts.with(index, writeHost({ place, transport: event.target.value as HostTransport })))}
                            sx={{ width: { xs: 112, sm: 170 } }}
                        >
                            {TRANSPORTS.map((each) => (
                                <MenuItem key={each} value={each}>
                                    {t(`carriers.transports.${each}`)}
                                </MenuItem>
                            ))}
                        </TextField>
                        {hosts.length > 1 && !disabled && (
                            <IconButton aria-label={`${t('rows.remove')}: ${t('carriers.host')} ${index + 1}`} onClick={() => put(hosts.toSpliced(index, 1))} sx={{ mt: 0.5 }}>
                                <Close sx={{ fontSize: 17 }} />
                            </IconButton>
                        )}
                    </Box>
                );
            })}
            {!disabled && hosts.length < HOSTS_MAX && (
                <Button startIcon={<Add />} onClick={() => put([...hosts, ''])}>
                    {t('carriers.host_add')}
                </Button>
            )}
        </Box>
    );
});
