import DownloadOutlined from '@mui/icons-material/DownloadOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import List from '@mui/material/List';
import ListItem from '@mui/material/ListItem';
import ListItemButton from '@mui/material/ListItemButton';
import ListItemText from '@mui/material/ListItemText';
import MenuItem from '@mui/material/MenuItem';
import Menu from '@mui/material/Menu';
import Stack from '@mui/material/Stack';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { PbxStatus } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { CopyText, saveFile } from '../secret';
import { baresipLine, csv, linphoneXml, sipUri, waveXml, type PhoneAccount, type PhoneServer } from './formats';
import { QrCode } from './QrCode';

/** New accounts with their passwords, which are shown this once: as QR code, as text, as a file for the phone. */
export function PhoneSetupDialog({ accounts, onClose }: { accounts: PhoneAccount[]; onClose: () => void }) {
    const t = useT();
    const client = useClient();
    const can = useCan();
    const [at, setAt] = useState(0);
    const [kind, setKind] = useState<'sip' | 'wave'>('sip');
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    // Whoever may not see the state of trunks is told the host that the console came from, which is right in most places.
    const pbx = useQuery({ queryKey: ['pbx', 'status'], queryFn: () => client.get<PbxStatus>('/pbx/status'), retry: false, staleTime: 60_000, enabled: can('trunks.monitor') });
    const server: PhoneServer = { server: pbx.data?.server || location.hostname, transport: pbx.data?.transport ?? 'udp' };
    const account = accounts[at];
    if (!account) return null;
    const files: [string, string, () => string][] = [
        ['Linphone', `${account.number}-linphone.xml`, () => linphoneXml(account, server)],
        ['baresip', `${account.number}-baresip.txt`, () => baresipLine(account, server)],
    ];
    return (
        <Dialog open maxWidth="md" aria-labelledby="phone-setup-title">
            <DialogTitle id="phone-setup-title">{t('phone_setup.title', { smart_count: accounts.length })}</DialogTitle>
            <DialogContent>
                <Alert severity="warning" sx={{ mb: 2 }}>
                    {t('phone_setup.once')}
                </Alert>
                <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', sm: accounts.length > 1 ? '150px 1fr' : '1fr' }, gap: 2 }}>
                    {accounts.length > 1 && (
                        <List dense aria-label={t('phone_setup.accounts')} sx={{ maxHeight: 380, overflow: 'auto', border: 1, borderColor: 'divider', borderRadius: 1 }}>
                            {accounts.map(({ number }, index) => (
                                <ListItem key={number} disablePadding>
                                    <ListItemButton selected={index === at} onClick={() => setAt(index)}>
                                        <ListItemText primary={number} />
                                    </ListItemButton>
                                </ListItem>
                            ))}
                        </List>
                    )}
                    <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', md: '1fr max-content' }, gap: 3, alignItems: 'start' }}>
                        <Stack sx={{ gap: 1.25 }}>
                            {(
                                [
                                    [t('phone_setup.username'), account.username],
                                    [t('phone_setup.password'), account.password],
                                    [t('phone_setup.server'), server.server],
                                    [t('phone_setup.transport'), server.transport.toUpperCase()],
                                ] as const
                            ).map(([label, value]) => (
                                <div key={label}>
                                    <Typography variant="caption" sx={{ color: 'text.secondary' }}>
                                        {label}
                                    </Typography>
                                    <CopyText text={value} label={label} />
                                </div>
                            ))}
                            <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                                {t('phone_setup.codecs')}
                            </Typography>
                            <Box>
                                <Button variant="outlined" startIcon={<DownloadOutlined />} onClick={(event) => setAnchor(event.currentTarget)} aria-haspopup="menu">
                                    {t('phone_setup.file')}
                                </Button>
                                <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)}>
                                    {files.map(([name, file, make]) => (
                                        <MenuItem
                                            key={name}
                                            onClick={() => {
                                                setAnchor(null);
                                                saveFile(file, make());
                                            }}
                                        >
                                            {t('phone_setup.for', { name })}
                                        </MenuItem>
                                    ))}
                                </Menu>
                            </Box>
                        </Stack>
                        <Stack sx={{ gap: 1, alignItems: 'center', width: 224 }}>
                            <ToggleButtonGroup exclusive size="small" value={kind} onChange={(_, next: 'sip' | 'wave' | null) => next && setKind(next)} aria-label={t('phone_setup.qr')}>
                                <ToggleButton value="sip">SIP</ToggleButton>
                                <ToggleButton value="wave">Wave</ToggleButton>
                            </ToggleButtonGroup>
                            <QrCode text={kind === 'sip' ? sipUri(account, server) : waveXml(account, server)} label={t('phone_setup.qr_of', { number: account.number })} />
                            <Typography variant="caption" sx={{ color: 'text.secondary', textAlign: 'center' }}>
                                {kind === 'sip' ? t('phone_setup.qr_sip') : t('phone_setup.qr_wave')}
                            </Typography>
                        </Stack>
                    </Box>
                </Box>
            </DialogContent>
            <DialogActions>
                <Button startIcon={<DownloadOutlined />} onClick={() => saveFile('accounts.csv', csv(accounts, server), 'text/csv;charset=utf-8')} sx={{ mr: 'auto' }}>
                    {t('phone_setup.csv')}
                </Button>
                <Button variant="contained" onClick={onClose}>
                    {t('phone_setup.done')}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
