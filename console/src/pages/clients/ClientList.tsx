import Add from '@mui/icons-material/Add';
import ContactsOutlined from '@mui/icons-material/ContactsOutlined';
import Button from '@mui/material/Button';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { Client } from '@/api/crm';
import { useT } from '@/i18n';
import { useClientName } from '@/ui/crm/clients';
import { Owner } from '@/ui/crm/sellers';
import { Empty } from '@/ui/empty';
import { useKeys } from '@/ui/keys/useKeys';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Code, Moment } from '@/ui/values';
import { ClientDialog } from './ClientDialog';
import { Phones } from './Phones';

const COLUMNS: ColumnSpec<Client>[] = [
    { name: 'last_name', label: 'clients.name', render: (client) => <Name client={client} /> },
    { name: 'kind', label: 'clients.kind', render: (client) => <Code prefix="client_kinds" code={client.kind} />, width: 120 },
    { name: 'phones', label: 'clients.phones', render: (client) => <Phones phones={client.phones} /> },
    { name: 'email', label: 'clients.email' },
    { name: 'owner_user_id', label: 'clients.owner_user_id', render: (client) => <Owner id={client.owner_user_id} /> },
    { name: 'updated_at', render: (client) => <Moment at={client.updated_at} />, width: 120, figures: true },
    { name: 'first_name', label: 'clients.first_name', extra: true },
    { name: 'patronymic', label: 'clients.patronymic', extra: true },
    { name: 'org_name', label: 'clients.org_name', extra: true },
    { name: 'inn', label: 'clients.inn', extra: true },
    { name: 'created_at', render: (client) => <Moment at={client.created_at} />, extra: true },
    { name: 'id', extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'kind', label: 'clients.kind', prefix: 'client_kinds', choices: ['person', 'company'] },
    { kind: 'text', name: 'inn', label: 'clients.inn', operator: 'prefix' },
    { kind: 'time', name: 'created_at' },
];

function Name({ client }: { client: Client }) {
    const name = useClientName();
    return <bdi>{name(client)}</bdi>;
}

/** Clients: one's own, or those of the centre. */
export function ClientList() {
    const t = useT();
    const can = useCan();
    const navigate = useNavigate();
    const [making, setMaking] = useState(false);
    useKeys(t('nav.clients'), can('clients.create') ? [{ on: 'KeyA', what: t('clients.create'), do: () => setMaking(true) }] : []);
    const create = can('clients.create') && (
        <Button variant="contained" startIcon={<Add />} onClick={() => setMaking(true)}>
            {t('clients.create')}
        </Button>
    );
    return (
        <>
            <ListPage<Client>
                resource="clients"
                topic="clients"
                title={t('nav.clients')}
                about={t('clients.about')}
                columns={COLUMNS}
                filters={can('users.read') ? [...FILTERS, { kind: 'user', name: 'owner_user_id', label: 'clients.owner_user_id' }] : FILTERS}
                sort={{ field: 'updated_at', order: 'DESC' }}
                actions={create}
                onOpen={(client) => void navigate(`/clients/${client.id}`)}
                empty={<Empty icon={ContactsOutlined} title={t('clients.empty')} hint={t('clients.empty_hint')} action={create} />}
            />
            {making && <ClientDialog onClose={() => setMaking(false)} onDone={(client) => void navigate(`/clients/${client.id}`)} />}
        </>
    );
}
