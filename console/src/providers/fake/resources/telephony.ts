import { columns, type FakeResource } from '../lists';

const CALL_COLUMNS = 'call_id:f parent:f status:f direction:f caller:f callee:f caller_slot:f callee_slot:f user:f started_at:fs ringing_at:f answered_at:f ended_at:f outcome:f cause:f segments rung scenario:f source:f recording';

export const telephony: Record<string, FakeResource> = {
    calls: { key: 'call_id', order: '-started_at', columns: columns(`${CALL_COLUMNS} tags:f unrated_in:f`), search: ['caller', 'callee'] },
    cdr: { wire: 'cdrs', right: 'calls', key: 'call_id', order: '-started_at', columns: columns(`${CALL_COLUMNS.replace('status:f ', '')} ring_ms:f talk_ms:fs remedy sip_status:f carrier:f tries`), search: ['caller', 'callee'] },
    slots: { key: 'id', order: 'number', columns: columns('id:fs number:fs type:f state:f status:f registered:f holder:f holder_name since epoch') },
    registrations: { key: 'id', order: 'id', columns: columns('id:fs source:f transport:f user_agent:f contact since expires_at') },
    trunks: { key: 'id', order: 'id', columns: columns('id:fs name:fs type:fs capacity:fs on:f group:f version settings') },
    routes: { key: 'id', order: 'position', columns: columns('id:fs name:fs position:fs on:f match then scenario:f source:f rewrite version') },
};
