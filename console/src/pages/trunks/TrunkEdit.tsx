import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { Trunk, TrunkWithSlots } from '@/api/types';
import { useT } from '@/i18n';
import { EditPage, Fields } from '@/ui/form/FormPage';
import { NumberInput, TextInput, between } from '@/ui/form/inputs';
import { Section } from '@/ui/page';
import { PhoneSetupDialog } from '@/ui/phone-setup/PhoneSetupDialog';
import type { PhoneAccount } from '@/ui/phone-setup/formats';
import { accountsOf } from './TrunkCreate';

/** A hub: another name, more or fewer slots. New slots' passwords are shown once, here. */
export function TrunkEdit() {
    const t = useT();
    const navigate = useNavigate();
    const [accounts, setAccounts] = useState<PhoneAccount[]>([]);
    return (
        <>
            <EditPage<Trunk>
                resource="trunks"
                title={(trunk) => trunk.name}
                deleteText={(trunk) => t('trunks.delete_text', { smart_count: trunk.capacity })}
                onDone={(trunk) => {
                    const made = accountsOf(trunk as Partial<TrunkWithSlots>);
                    setAccounts(made);
                    return made.length > 0;
                }}
            >
                <Section>
                    <Fields>
                        <TextInput source="name" label="columns.name" required maxLength={128} />
                        <NumberInput source="capacity" label="trunks.capacity" hint="trunks.grow_hint" required min={1} max={999} validate={between(1, 999)} />
                    </Fields>
                </Section>
            </EditPage>
            {accounts.length > 0 && <PhoneSetupDialog accounts={accounts} onClose={() => void navigate('/trunks')} />}
        </>
    );
}
