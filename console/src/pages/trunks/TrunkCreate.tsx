import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useWatch } from 'react-hook-form';
import Typography from '@mui/material/Typography';
import type { Trunk, TrunkType, TrunkWithSlots } from '@/api/types';
import { useT } from '@/i18n';
import { CreatePage, Fields } from '@/ui/form/FormPage';
import { NumberInput, SelectInput, TextInput, between } from '@/ui/form/inputs';
import { Section } from '@/ui/page';
import { PhoneSetupDialog } from '@/ui/phone-setup/PhoneSetupDialog';
import type { PhoneAccount } from '@/ui/phone-setup/formats';

/** With which digit a hub's numbers begin. */
const FIRST: Record<TrunkType, string> = { auto: '6', mf: '7', ls: '8' };

/** A new hub. Its slots' passwords are shown once, here. */
export function TrunkCreate() {
    const t = useT();
    const navigate = useNavigate();
    const [accounts, setAccounts] = useState<PhoneAccount[]>();
    return (
        <>
            <CreatePage<Trunk>
                resource="trunks"
                title={t('trunks.create')}
                about={t('trunks.about')}
                defaults={{ type: 'auto', capacity: 10 }}
                onDone={(made) => setAccounts(accountsOf(made as TrunkWithSlots))}
            >
                <Section>
                    <Fields>
                        <TextInput source="name" label="columns.name" required maxLength={128} autoFocus />
                        <SelectInput source="type" label="columns.type" required choices={(['auto', 'mf', 'ls'] as const).map((type) => ({ id: type, name: t(`trunk_types.${type}`) }))} />
                        <NumberInput source="capacity" label="trunks.capacity" hint="trunks.capacity_hint" required min={1} max={999} validate={between(1, 999)} />
                    </Fields>
                    <NumbersHint />
                </Section>
            </CreatePage>
            {accounts && <PhoneSetupDialog accounts={accounts} onClose={() => void navigate('/trunks')} />}
        </>
    );
}

function NumbersHint() {
    const t = useT();
    const type = useWatch({ name: 'type' }) as TrunkType | undefined;
    return (
        <Typography variant="body2" sx={{ color: 'text.secondary' }}>
            {t('trunks.numbers_hint', { first: `${FIRST[type ?? 'auto']}001` })}
        </Typography>
    );
}

/** The accounts of which the answer shows the password. */
export function accountsOf(answer: Partial<TrunkWithSlots>): PhoneAccount[] {
    return (answer.slots ?? []).flatMap(({ number, username, password }) => (password ? [{ number, username, password }] : []));
}
