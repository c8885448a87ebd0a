import { useNotify } from 'ra-core';
import { useCan, useMe } from '@/access/me';
import type { Lead } from '@/api/crm';
import type { LiveEvent } from '@/api/types';
import { useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { useLeadName } from '@/ui/crm/leads';

/** How long a reminder is seen, in milliseconds: somebody may be in a call. */
const SEEN_MS = 20_000;

/** Tells, wherever one is, that it is time for what was promised. The server says so once. */
export function Reminders() {
    const t = useT();
    const can = useCan();
    const me = useMe();
    const notify = useNotify();
    const name = useLeadName();
    useTopic(can('leads.read') ? 'leads' : undefined, (event: LiveEvent) => {
        if (event.type !== 'lead.reminder' || !event.data) return;
        const lead = event.data as Partial<Lead>;
        // Who watches over all leads is not the one who promised.
        if (!me || ![lead.assigned_seller, lead.assigned_operator].includes(me.id)) return;
        const text = t('leads.reminder', { what: [name({ id: event.id, ...lead }), lead.next_action].filter(Boolean).join(' – ') });
        notify(text, { type: 'info', autoHideDuration: SEEN_MS, messageArgs: { _: text } });
    });
    return null;
}
