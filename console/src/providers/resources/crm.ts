import { crud, type ResourceOnWire } from './wire';

/** Leads and clients. */
export const crm = {
    leads: crud('/crm/leads', 'leads', ['client_name', 'phone', 'email', 'source', 'next_action', 'next_action_at', 'assigned_seller', 'assigned_operator'], [], { searchable: true }),
} as const satisfies Record<string, ResourceOnWire>;
