import Add from '@mui/icons-material/Add';
import Alert from '@mui/material/Alert';
import Autocomplete from '@mui/material/Autocomplete';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import MenuItem from '@mui/material/MenuItem';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { usePermissionText } from '@/access/catalogue';
import { useCan, useMyPermissions } from '@/access/me';
import type { ApiToken, Items } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { CopyText } from '@/ui/secret';
import { TokenTable } from '@/ui/TokenTable';

const KEY = ['me', 'tokens'];
const DAY_MS = 86_400_000;
const LIVES = [30, 90, 365, 0] as const;

/** Keys for one's own programs. */
export function TokensSection() {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const queries = useQueryClient();
    const [making, setMaking] = useState(false);
    const tokens = useQuery({
        queryKey: KEY,
        queryFn: async () => (await client.get<Items<ApiToken>>('/me/tokens')).items,
        enabled: can('tokens.read'),
        retry: false,
    });
    if (!can('tokens.read')) return null;
    return (
        <Section
            title={t('tokens.title')}
            about={t('tokens.about')}
            flush
            actions={
                can('tokens.create') && (
                    <Button variant="outlined" startIcon={<Add />} onClick={() => setMaking(true)}>
                        {t('tokens.create')}
                    </Button>
                )
            }
        >
            {tokens.error && <ProblemBox error={tokens.error} onRetry={() => void tokens.refetch()} />}
            {tokens.isPending && <Skeleton variant="rounded" height={60} sx={{ m: 2 }} />}
            {tokens.data?.length === 0 && (
                <Typography variant="body2" sx={{ px: 2, pb: 2, color: 'text.secondary' }}>
                    {t('tokens.none')}
                </Typography>
            )}
            {tokens.data && tokens.data.length > 0 && (
                <TokenTable
                    tokens={tokens.data}
                    onEnd={async (token) => {
                        await client.delete(`/tokens/${token.id}`);
                        await queries.invalidateQueries({ queryKey: KEY });
                    }}
                />
            )}
            {making && <TokenDialog onClose={() => setMaking(false)} />}
        </Section>
    );
}

function TokenDialog({ onClose }: { onClose: () => void }) {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const text = usePermissionText();
    const mine = useMyPermissions();
    const [name, setName] = useState('');
    const [days, setDays] = useState<(typeof LIVES)[number]>(90);
    const [only, setOnly] = useState<string[]>([]);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const [made, setMade] = useState<ApiToken>();
    const make = async () => {
        setBusy(true);
        setError(undefined);
        try {
            const body = { name: name.trim(), ...(days > 0 && { expires_at: Date.now() + days * DAY_MS }), ...(only.length > 0 && { permissions: only }) };
            setMade(await client.post<ApiToken>('/me/tokens', body));
            await queries.invalidateQueries({ queryKey: KEY });
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open onClose={busy || made ? undefined : onClose} aria-labelledby="token-title">
            <DialogTitle id="token-title">{made ? t('tokens.made') : t('tokens.create')}</DialogTitle>
            {made ? (
                <DialogContent>
                    <Alert severity="warning" sx={{ mb: 1.5 }}>
                        {t('tokens.once')}
                    </Alert>
                    <CopyText text={made.token ?? ''} label={t('tokens.title')} />
                </DialogContent>
            ) : (
                <DialogContent>
                    <Stack sx={{ gap: 2, pt: 1 }}>
                        <TextField autoFocus label={t('columns.name')} value={name} onChange={(event) => setName(event.target.value)} helperText={t('tokens.name_hint')} required slotProps={{ htmlInput: { maxLength: 128 } }} />
                        <TextField select label={t('tokens.life')} value={days} onChange={(event) => setDays(Number(event.target.value) as (typeof LIVES)[number])}>
                            {LIVES.map((life) => (
                                <MenuItem key={life} value={life}>
                                    {life === 0 ? t('tokens.never') : t('tokens.days', { smart_count: life })}
                                </MenuItem>
                            ))}
                        </TextField>
                        <Autocomplete
                            multiple
                            disableCloseOnSelect
                            limitTags={4}
                            value={only}
                            options={mine?.permissions.map(({ permission }) => permission) ?? []}
                            getOptionLabel={(permission) => text(permission)}
                            onChange={(_, next) => setOnly(next)}
                            renderInput={(params) => <TextField {...params} label={t('tokens.permissions')} helperText={only.length === 0 ? t('tokens.all_hint') : t('tokens.some_hint')} />}
                        />
                        {error !== undefined && <ProblemBox error={error} />}
                    </Stack>
                </DialogContent>
            )}
            <DialogActions>
                {made ? (
                    <Button variant="contained" onClick={onClose}>
                        {t('common.kept')}
                    </Button>
                ) : (
                    <>
                        <Button color="inherit" onClick={onClose} disabled={busy}>
                            {t('common.cancel')}
                        </Button>
                        <Button variant="contained" disabled={!name.trim()} loading={busy} onClick={() => void make()}>
                            {t('tokens.create')}
                        </Button>
                    </>
                )}
            </DialogActions>
        </Dialog>
    );
}
