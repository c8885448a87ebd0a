import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { scopesOf, useCan, useMyPermissions } from '@/access/me';
import { LEAD_NAME_MAX, LEAD_SOURCE_MAX, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import { useLeadColumns, useLeadDeeds } from '@/ui/crm/leads';
import { FormDialog } from '@/ui/FormDialog';
import { useTell } from '@/ui/problems';
import { UserPicker } from '@/ui/UserPicker';

const TEXTS = [
    { name: 'client_name', max: LEAD_NAME_MAX, hint: undefined },
    { name: 'phone', max: 40, hint: 'leads.phone_hint' },
    { name: 'email', max: 254, hint: undefined },
    { name: 'source', max: LEAD_SOURCE_MAX, hint: 'leads.source_hint' },
] as const;
const OWNERS = ['assigned_seller', 'assigned_operator'] as const;

/** Changes what is known of a lead, and whose it is for who reaches all leads. What is masked or hidden is left as it is. */
export function LeadDialog({ lead, onClose }: { lead: Lead; onClose: () => void }) {
    const t = useT();
    const tell = useTell();
    const can = useCan();
    const deeds = useLeadDeeds();
    const { sees, writes } = useLeadColumns();
    const isWide = scopesOf(useMyPermissions(), 'leads.update').some((scope) => scope === 'center' || scope === 'all');
    const [typed, setTyped] = useState<Partial<Lead>>({});
    const texts = TEXTS.filter(({ name }) => sees(name));
    const owners = isWide && can('users.read') ? OWNERS.filter((name) => writes(name)) : [];
    const text = (name: (typeof TEXTS)[number]['name']) => typed[name] ?? lead[name] ?? '';
    const isSomebody = text('client_name').trim() !== '' || text('phone').trim() !== '';
    const save = async () => {
        const change = Object.fromEntries(Object.entries(typed).filter(([name, value]) => value !== (lead[name as keyof Lead] ?? (typeof value === 'string' ? '' : null))));
        if (Object.keys(change).length > 0) await deeds.change(lead, change);
        tell(t('form.saved'));
    };
    return (
        <FormDialog title={t('leads.edit_title')} action={t('form.save')} isReady={isSomebody} onSubmit={save} onClose={onClose} fields={[...texts.map(({ name }) => name), ...owners]}>
            {(said) => (
                <>
                    {texts.map(({ name, max, hint }, index) => (
                        <TextField
                            key={name}
                            autoFocus={index === 0}
                            type={name === 'phone' ? 'tel' : 'text'}
                            label={t(`columns.${name}`)}
                            value={text(name)}
                            disabled={!writes(name)}
                            onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
                            {...said(name, name === 'client_name' && !isSomebody ? t('leads.name_or_phone') : hint ? t(hint) : '')}
                            autoComplete="off"
                            slotProps={{ htmlInput: { maxLength: max, spellCheck: false } }}
                        />
                    ))}
                    {owners.map((name) => (
                        <UserPicker key={name} label={t(`columns.${name}`)} value={typed[name] === undefined ? lead[name] : typed[name]} onChange={(id) => setTyped({ ...typed, [name]: id })} {...said(name, '')} />
                    ))}
                </>
            )}
        </FormDialog>
    );
}
