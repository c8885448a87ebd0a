import Box from '@mui/material/Box';
import { LEAD_WAY, type LeadStatus } from '@/api/crm';
import { useCode, useT } from '@/i18n';
import { LEAD_TONES } from '../tones';
import { CodeBadge } from '../values';

/** Where a lead stands. */
export function LeadBadge({ status }: { status: LeadStatus | undefined }) {
    return <CodeBadge prefix="lead_statuses" code={status} tones={LEAD_TONES} />;
}

/** The way of a lead, and how far it has come on it. Off the way, where it has ended. */
export function Way({ status }: { status: LeadStatus }) {
    const t = useT();
    const code = useCode();
    const at = LEAD_WAY.indexOf(status);
    if (at === -1) return <LeadBadge status={status} />;
    return (
        <Box component="ol" aria-label={t('leads.stands')} sx={{ listStyle: 'none', m: 0, p: 0, display: 'flex', flexWrap: 'wrap', rowGap: 0.5 }}>
            {LEAD_WAY.map((each, index) => {
                const isHere = index === at;
                return (
                    <Box
                        key={each}
                        component="li"
                        aria-current={isHere ? 'step' : undefined}
                        sx={(theme) => ({
                            px: 1.25,
                            py: 0.25,
                            fontSize: '0.75rem',
                            fontWeight: isHere ? 650 : 500,
                            color: isHere ? theme.palette.primary.contrastText : index < at ? theme.palette.primary.main : theme.palette.text.secondary,
                            bgcolor: isHere ? theme.palette.primary.main : theme.palette.quiet,
                            borderRight: 2,
                            borderColor: 'background.paper',
                            '&:first-of-type': { borderRadius: '10px 0 0 10px' },
                            '&:last-of-type': { borderRadius: '0 10px 10px 0', borderRight: 0 },
                        })}
                    >
                        {code('lead_statuses', each)}
                    </Box>
                );
            })}
        </Box>
    );
}
