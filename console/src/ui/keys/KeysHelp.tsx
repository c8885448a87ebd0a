import Box from '@mui/material/Box';
import Dialog from '@mui/material/Dialog';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Typography from '@mui/material/Typography';
import { useId } from 'react';
import { useT } from '@/i18n';
import type { Scope } from './registry';

const SIGNS: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Slash: '/', Question: '?', BracketLeft: '[', BracketRight: ']', Escape: 'Esc', Mod: 'Ctrl' };

/** Which key does what at this moment. */
export function KeysHelp({ open, scopes, letters, onClose }: { open: boolean; scopes: Scope[]; letters: boolean; onClose: () => void }) {
    const t = useT();
    const title = useId();
    const sign = (on: string) =>
        on
            .split('+')
            .map((part) => (part === 'Space' ? t('keys.space') : (SIGNS[part] ?? part.replace(/^(Key|Digit)/, ''))))
            .join(' ');
    return (
        <Dialog open={open} onClose={onClose} maxWidth="xs" aria-labelledby={title}>
            <DialogTitle id={title}>{t('keys.help')}</DialogTitle>
            <DialogContent>
                {scopes.map((scope, index) => (
                    // Two of them may have the same title; they do not change while they are shown.
                    // eslint-disable-next-line react/no-array-index-key
                    <Box key={index} component="section" sx={{ mb: 2 }}>
                        <Typography variant="overline" component="h3" sx={{ color: 'text.secondary' }}>
                            {scope.title}
                        </Typography>
                        <Box component="dl" sx={{ display: 'grid', gridTemplateColumns: 'minmax(72px, max-content) 1fr', columnGap: 3, rowGap: 0.75, m: 0 }}>
                            {scope.keys.map(({ on, what }) => (
                                <Box key={on} sx={{ display: 'contents' }}>
                                    <dt>
                                        <kbd>{sign(on)}</kbd>
                                    </dt>
                                    <dd style={{ margin: 0 }}>{what}</dd>
                                </Box>
                            ))}
                        </Box>
                    </Box>
                ))}
                {!letters && <Typography variant="body2">{t('keys.letters_off')}</Typography>}
            </DialogContent>
        </Dialog>
    );
}
