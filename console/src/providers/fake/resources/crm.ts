import { columns, type FakeResource } from '../lists';

export const crm: Record<string, FakeResource> = {
    clients: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs kind:f first_name:f last_name:f patronymic:f org_name:f inn:f email:f phones owner_user_id:f version created_at:f updated_at:fs created_by:f'),
        search: ['first_name', 'last_name', 'org_name', 'email'],
    },
    missed_calls: { right: 'calls', key: 'call_id', order: '-at', columns: columns('call_id:f number:f scenario:f slot:f at:fs state:f claimed_by:f claimed_at done_by:f done_at:f returned_call_id version') },
    leads: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs status:f client_name:f phone:f email:f source:f assigned_seller:f assigned_operator:f next_action_at:fs next_action:f lost_reason:f version created_at:f updated_at:fs created_by:f client_id handed_over_at:f'),
        search: ['client_name', 'phone', 'email'],
    },
};
