import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { Link as RouterLink } from 'react-router';
import type { Candidate } from '@/api/desk';
import { useFormat, useT } from '@/i18n';
import { LeadBadge } from '@/ui/crm/Way';
import { useWho } from '@/ui/crm/who';
import { useNow } from '@/ui/values';

/** Somebody whom a call may be with. Somebody else's cannot be opened. */
export function MatchBox({ match, isChosen, onChoose }: { match: Candidate; isChosen: boolean; /** For who has to say which one it is. */ onChoose?: () => void }) {
    const t = useT();
    const format = useFormat();
    const now = useNow(60_000);
    const name = useWho()(match);
    const { row, resource, foreign, with_name } = match;
    return (
        <Box sx={{ border: isChosen ? 2 : 1, borderColor: isChosen ? 'primary.main' : 'divider', borderRadius: 1, px: 1.5, py: 1, mb: 1 }}>
            {foreign || !row ? (
                <Typography variant="body2">{with_name ? t('desk.foreign', { who: with_name }) : t('desk.foreign_nobody')}</Typography>
            ) : (
                <>
                    <Stack direction="row" sx={{ gap: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                        <Box component="span" sx={{ color: 'text.secondary', fontSize: '0.8125rem' }}>
                            {t(`desk.${resource}`)}
                        </Box>
                        <Link component={RouterLink} to={`/${resource}/${row.id}`} sx={{ fontWeight: 650, minWidth: 0, overflowWrap: 'anywhere' }}>
                            <bdi>{name}</bdi>
                        </Link>
                        {resource === 'leads' && <LeadBadge status={row.status} />}
                        <Box sx={{ flex: 1 }} />
                        {onChoose && (
                            <Button color="inherit" variant={isChosen ? 'contained' : 'outlined'} aria-pressed={isChosen} onClick={onChoose} sx={{ minHeight: 26, py: 0 }}>
                                {t('desk.this_one')}
                            </Button>
                        )}
                    </Stack>
                    <Typography variant="body2" component="div" sx={{ color: 'text.secondary' }}>
                        {[with_name && t('desk.with', { who: with_name }), row.next_action_at != null && t('desk.next_at', { time: format.short(row.next_action_at, now) })].filter(Boolean).join(' · ')}{' '}
                        {row.next_action && <bdi>{row.next_action}</bdi>}
                    </Typography>
                </>
            )}
        </Box>
    );
}
