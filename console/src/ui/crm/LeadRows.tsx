import Box from '@mui/material/Box';
import { Link } from 'react-router';
import type { Lead } from '@/api/crm';
import { useFormat } from '@/i18n';
import { useNow } from '../values';
import { useLeadName } from './leads';
import { LeadBadge } from './Way';

/** Leads one below the other, each a way to its page: when something is due, who it is, where they stand, what is to be done. */
export function LeadRows({ leads, label, tight }: { leads: readonly Lead[]; label: string; /** Where there is little room. */ tight?: boolean }) {
    const format = useFormat();
    const now = useNow(60_000);
    const name = useLeadName();
    return (
        <Box component="ul" aria-label={label} sx={{ listStyle: 'none', m: 0, p: 0 }}>
            {leads.map((lead) => (
                <Box component="li" key={lead.id} sx={{ borderTop: 1, borderColor: 'divider', '&:first-of-type': { borderTop: 0 } }}>
                    <Box
                        component={Link}
                        to={`/leads/${lead.id}`}
                        sx={{
                            display: 'grid',
                            gridTemplateColumns: tight ? '98px minmax(0, 1fr)' : '112px minmax(0, 1.1fr) 132px minmax(0, 1.3fr)',
                            columnGap: 1.5,
                            alignItems: 'center',
                            px: tight ? 1.5 : 2,
                            py: 0.75,
                            color: 'text.primary',
                            textDecoration: 'none',
                            fontSize: '0.8125rem',
                            '&:hover': { bgcolor: 'action.hover' },
                            '&:focus-visible': { outlineOffset: -2 },
                        }}
                    >
                        <Box component="span" sx={{ fontVariantNumeric: 'tabular-nums', color: lead.next_action_at != null && lead.next_action_at < now ? 'error.main' : 'text.secondary', fontWeight: 600, whiteSpace: 'nowrap' }}>
                            {lead.next_action_at == null ? '' : format.short(lead.next_action_at, now)}
                        </Box>
                        <Box component="bdi" sx={{ fontWeight: 600, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
                            {name(lead)}
                        </Box>
                        {!tight && (
                            <span>
                                <LeadBadge status={lead.status} />
                            </span>
                        )}
                        {!tight && (
                            <Box component="bdi" sx={{ color: 'text.secondary', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
                                {lead.next_action}
                            </Box>
                        )}
                    </Box>
                </Box>
            ))}
        </Box>
    );
}
