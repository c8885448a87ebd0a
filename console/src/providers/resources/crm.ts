import { crud, type ResourceOnWire } from './wire';

/** Leads and clients. */
export const crm = {
    leads: crud('/crm/leads', 'leads', ['client_name', 'phone', 'email', 'source', 'next_action', 'next_action_at', 'assigned_seller', 'assigned_operator'], [], { searchable: true }),
    clients: crud('/clients', 'clients', ['kind', 'first_name', 'last_name', 'patronymic', 'org_name', 'inn', 'email', 'phones', 'owner_user_id'], [], { searchable: true, unexported: ['phones'] }),
} as const satisfies Record<string, ResourceOnWire>;
