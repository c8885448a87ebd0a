import Close from '@mui/icons-material/Close';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { useFormat, useT } from '@/i18n';
import { useProblemText } from '@/ui/problems';
import type { Notice } from './Tagger';

/** What has happened to the call that is open by others' hands, and what waits for the network. Told once to who hears it. */
export function Notices({ notices, groups, onDismiss, onDismissGroup, waitingTags, waitingMs }: { notices: readonly Notice[]; groups: readonly string[]; onDismiss: (notice: Notice) => void; onDismissGroup: (group: string) => void; waitingTags: number; waitingMs: number }) {
    const t = useT();
    const format = useFormat();
    const problem = useProblemText();
    const words = (notice: Notice): string => {
        switch (notice.kind) {
            case 'meanwhile':
                return t('tags.meanwhile', { who: notice.who || t('listening.somebody'), tag: notice.tag });
            case 'set':
                return t('listening.others_set', { who: notice.who || t('listening.somebody'), tag: notice.tag });
            case 'unset':
                return t('listening.others_unset', { tag: notice.tag });
            case 'gone':
                return t('listening.not_yours', { tag: notice.tag });
            case 'refused':
                return problem(notice.error);
        }
    };
    return (
        <Box aria-live="polite">
            {notices.map((notice, index) => (
                // They have no name of their own; a few stand there at most.
                // eslint-disable-next-line react/no-array-index-key
                <Line key={`${index} ${notice.kind}`} isLoud={notice.kind === 'meanwhile' || notice.kind === 'refused'} onClose={() => onDismiss(notice)}>
                    {words(notice)}
                </Line>
            ))}
            {groups.map((group) => (
                <Line key={group} isLoud onClose={() => onDismissGroup(group)}>
                    {t('tags.group_gone', { group })}
                </Line>
            ))}
            {(waitingMs > 0 || waitingTags > 0) && (
                <Line isLoud>
                    {[t('listening.away'), waitingMs > 0 && t('listening.waiting_heard', { length: format.span(waitingMs) }), waitingTags > 0 && t('tags.waiting', { smart_count: waitingTags })].filter(Boolean).join(' ')}
                </Line>
            )}
        </Box>
    );
}

function Line({ children, isLoud, onClose }: { children: ReactNode; isLoud?: boolean; onClose?: () => void }) {
    const t = useT();
    return (
        <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, borderLeft: 3, borderColor: isLoud ? 'warning.main' : 'info.main', bgcolor: 'quiet', pl: 1, my: 0.25, minHeight: 26 }}>
            <Typography variant="body2" sx={{ flex: 1 }}>
                {children}
            </Typography>
            {onClose && (
                <IconButton aria-label={t('common.close')} onClick={onClose} sx={{ p: 0.25 }}>
                    <Close sx={{ fontSize: 15 }} />
                </IconButton>
            )}
        </Box>
    );
}
