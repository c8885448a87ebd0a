import { useT, dayStart, useFormat } from '@/i18n';
import { useCan } from '@/access/me';
import { useLiveList } from '@/live/hooks';
import { LeadRows } from '@/ui/crm/LeadRows';
import { useMyLeads } from '@/ui/crm/mine';
import { Section } from '@/ui/page';
import { useNow } from '@/ui/values';

const MINUTE = 60_000;

/** Whom one has promised to call by the end of the day. */
export function Promised() {
    const can = useCan();
    return can('leads.read') ? <Leads /> : null;
}

function Leads() {
    const t = useT();
    const { tz } = useFormat();
    const now = Math.floor(useNow(MINUTE) / MINUTE) * MINUTE;
    useLiveList('leads', 'leads');
    const { leads, count = 0 } = useMyLeads('assigned_operator', { next_action_at: { lt: dayStart(tz, 1, now) } });
    if (!leads?.length) return null;
    return (
        <Section flush title={t('desk.promised', { count })}>
            <LeadRows tight leads={leads.slice(0, 6)} label={t('desk.promised', { count })} />
        </Section>
    );
}
