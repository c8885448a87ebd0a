import Box from '@mui/material/Box';
import Dialog from '@mui/material/Dialog';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import { useT } from '@/i18n';

/** Which key does what while one listens. */
export function KeysHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
    const t = useT();
    const rows: [string, string][] = [
        [t('player.keys.space'), t('player.toggle')],
        ['← →', t('player.keys.seek')],
        ['↑ ↓', t('player.keys.speed')],
        ['?', t('player.help')],
    ];
    return (
        <Dialog open={open} onClose={onClose} maxWidth="xs" aria-labelledby="keys-title">
            <DialogTitle id="keys-title">{t('player.help')}</DialogTitle>
            <DialogContent>
                <Box component="dl" sx={{ display: 'grid', gridTemplateColumns: 'max-content 1fr', columnGap: 3, rowGap: 1, m: 0 }}>
                    {rows.map(([key, what]) => (
                        <Box key={key} sx={{ display: 'contents' }}>
                            <dt>
                                <kbd>{key}</kbd>
                            </dt>
                            <dd style={{ margin: 0 }}>{what}</dd>
                        </Box>
                    ))}
                </Box>
            </DialogContent>
        </Dialog>
    );
}
