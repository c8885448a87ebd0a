import { useNavigate } from 'react-router';
import { LEAD_NAME_MAX, LEAD_SOURCE_MAX, LEAD_TEXT_MAX, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import { CreatePage, Fields } from '@/ui/form/FormPage';
import { isEmail, TextInput } from '@/ui/form/inputs';
import { WhenInput } from '@/ui/form/WhenInput';
import { Section } from '@/ui/page';
import { useTell } from '@/ui/problems';

/** A new lead. Whose it is the server says: a seller's own, an operator's own. */
export function LeadCreate() {
    const t = useT();
    const tell = useTell();
    const navigate = useNavigate();
    return (
        <CreatePage<Lead>
            resource="leads"
            title={t('leads.create')}
            about={t('leads.create_about')}
            width={720}
            validate={({ client_name, phone }) => (client_name || phone ? {} : { client_name: 'leads.name_or_phone' })}
            transform={(data) => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null && value !== ''))}
            onDone={(lead) => {
                tell(t('form.created'));
                void navigate(`/leads/${lead.id}`);
            }}
        >
            <Section>
                <Fields>
                    <TextInput source="client_name" label="columns.client_name" maxLength={LEAD_NAME_MAX} autoFocus />
                    <TextInput source="phone" label="columns.phone" hint="leads.phone_hint" type="tel" maxLength={40} />
                    <TextInput source="email" label="columns.email" validate={isEmail} />
                    <TextInput source="source" label="columns.source" hint="leads.source_hint" maxLength={LEAD_SOURCE_MAX} />
                </Fields>
            </Section>
            <Section title={t('leads.next')}>
                <Fields>
                    <TextInput source="next_action" label="columns.next_action" hint="leads.next_action_hint" maxLength={LEAD_TEXT_MAX} />
                    <WhenInput source="next_action_at" label="columns.next_action_at" />
                </Fields>
            </Section>
        </CreatePage>
    );
}
