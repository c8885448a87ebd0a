import { columns, type FakeResource } from '../lists';

export const crm: Record<string, FakeResource> = {
    leads: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs status:f client_name:f phone:f email:f source:f assigned_seller:f assigned_operator:f next_action_at:fs next_action:f lost_reason:f version created_at:f updated_at:fs created_by:f'),
        search: ['client_name', 'phone', 'email'],
    },
};
