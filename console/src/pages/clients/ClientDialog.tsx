import Add from '@mui/icons-material/Add';
import Close from '@mui/icons-material/Close';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { PHONE_KINDS, type Client, type ClientPhone } from '@/api/crm';
import { useCode, useT } from '@/i18n';
import { newKey } from '@/live/deeds';
import { useClientColumns, useClientDeeds, type ClientChange } from '@/ui/crm/clients';
import { FormDialog } from '@/ui/FormDialog';
import { useTell } from '@/ui/problems';

/** How many numbers a client may have here. */
const PHONES_MAX = 10;
const TEXT_MAX = 128;

const PERSON = ['last_name', 'first_name', 'patronymic'] as const;
const COMPANY = ['org_name', 'inn'] as const;

/** A new client, or what is known of one that is there. What is masked or hidden is left as it is. */
export function ClientDialog({ client, onClose, onDone }: { client?: Client; onClose: () => void; onDone?: (client: Client) => void }) {
    const t = useT();
    const code = useCode();
    const tell = useTell();
    const deeds = useClientDeeds();
    const { sees, writes } = useClientColumns();
    const [key] = useState(newKey);
    const [typed, setTyped] = useState<ClientChange>(client ? {} : { kind: 'person', phones: [{ number: '', kind: 'mobile', primary: true }] });
    const kind = typed.kind ?? client?.kind ?? 'person';
    const isShut = (name: keyof Client) => client !== undefined && !writes(name);
    const text = (name: (typeof PERSON | typeof COMPANY)[number] | 'email') => typed[name] ?? client?.[name] ?? '';
    const phones = typed.phones ?? client?.phones ?? [];
    const setPhones = (next: ClientPhone[]) => setTyped({ ...typed, phones: next });
    const texts = [...(kind === 'company' ? COMPANY : PERSON), 'email' as const].filter((name) => client === undefined || sees(name));
    const isSomebody = texts.some((name) => name !== 'email' && text(name).trim() !== '') || phones.some(({ number }) => number.trim() !== '');
    const save = async () => {
        const filled = phones.filter(({ number }) => number.trim() !== '');
        const sent: ClientChange = { ...typed, ...(typed.phones && { phones: filled.map((each, index) => ({ ...each, primary: filled.some(({ primary }) => primary) ? each.primary : index === 0 })) }) };
        const saved = client ? await deeds.change(client, sent) : await deeds.make(sent, key);
        tell(client ? t('form.saved') : t('form.created'));
        onDone?.(saved);
    };
    return (
        <FormDialog
            title={client ? t('clients.edit_title') : t('clients.create')}
            action={client ? t('form.save') : t('form.create')}
            isReady={isSomebody}
            onSubmit={save}
            onClose={onClose}
            fields={[...texts, 'phones', ...phones.map((_, index) => `phones[${index}].number`)]}
        >
            {(said) => (
                <>
                    <TextField select label={t('clients.kind')} value={kind} disabled={isShut('kind')} onChange={(event) => setTyped({ ...typed, kind: event.target.value as Client['kind'] })}>
                        {(['person', 'company'] as const).map((each) => (
                            <MenuItem key={each} value={each}>
                                {code('client_kinds', each)}
                            </MenuItem>
                        ))}
                    </TextField>
                    {texts.map((name, index) => (
                        <TextField
                            key={name}
                            autoFocus={index === 0}
                            label={t(`clients.${name}`)}
                            value={text(name)}
                            disabled={isShut(name)}
                            onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
                            {...said(name, '')}
                            autoComplete="off"
                            slotProps={{ htmlInput: { maxLength: TEXT_MAX, spellCheck: false } }}
                        />
                    ))}
                    {(client === undefined || sees('phones')) && (
                        <Box role="group" aria-label={t('clients.phones')} sx={{ display: 'grid', gap: 1 }}>
                            {phones.map((each, index) => (
                                // Rows have no names of their own.
                                // eslint-disable-next-line react/no-array-index-key
                                <Box key={index} sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}>
                                    <TextField
                                        type="tel"
                                        label={t('columns.phone')}
                                        value={each.number}
                                        disabled={isShut('phones')}
                                        onChange={(event) => setPhones(phones.with(index, { ...each, number: event.target.value }))}
                                        {...said(`phones[${index}].number`, '')}
                                        autoComplete="off"
                                        sx={{ flex: 1 }}
                                        slotProps={{ htmlInput: { maxLength: 40 } }}
                                    />
                                    <TextField select label={t('clients.phone_kind')} value={each.kind} disabled={isShut('phones')} onChange={(event) => setPhones(phones.with(index, { ...each, kind: event.target.value as ClientPhone['kind'] }))} sx={{ width: 130 }}>
                                        {PHONE_KINDS.map((of) => (
                                            <MenuItem key={of} value={of}>
                                                {code('phone_kinds', of)}
                                            </MenuItem>
                                        ))}
                                    </TextField>
                                    <IconButton disabled={isShut('phones')} aria-label={t('clients.phone_remove')} onClick={() => setPhones(phones.toSpliced(index, 1))} sx={{ mt: 0.5 }}>
                                        <Close sx={{ fontSize: 17 }} />
                                    </IconButton>
                                </Box>
                            ))}
                            {phones.length < PHONES_MAX && !isShut('phones') && (
                                <Box>
                                    <Button startIcon={<Add />} onClick={() => setPhones([...phones, { number: '', kind: 'mobile', primary: phones.length === 0 }])}>
                                        {t('clients.phone_add')}
                                    </Button>
                                </Box>
                            )}
                        </Box>
                    )}
                </>
            )}
        </FormDialog>
    );
}
