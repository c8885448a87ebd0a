import FileDownloadOutlined from '@mui/icons-material/FileDownloadOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import Typography from '@mui/material/Typography';
import { useListContext, useLocaleState, useResourceContext } from 'ra-core';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { ColumnRight, ExportFormat } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { cleanFilter, type ListMeta } from '@/providers/rest/dataProvider';
import { onWire } from '@/providers/resources';
import { useClient } from '@/providers/services';
import { ProblemBox } from '../problems';
import { countText } from './Pager';

/** Hands what the list shows now, by its filter, to a job that writes it into a file. */
export function ExportButton({ shown }: { shown: string[] }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    const { meta } = useListContext();
    const columns = (meta as ListMeta | undefined)?.columns;
    return (
        <>
            <Button color="inherit" startIcon={<FileDownloadOutlined />} onClick={() => setOpen(true)}>
                {t('exports.button')}
            </Button>
            {open && <ExportDialog columns={columns} shown={shown} onClose={() => setOpen(false)} />}
        </>
    );
}

function ExportDialog({ columns, shown, onClose }: { columns: ColumnRight[] | undefined; shown: string[]; onClose: () => void }) {
    const t = useT();
    const code = useCode();
    const format = useFormat();
    const client = useClient();
    const navigate = useNavigate();
    const [locale] = useLocaleState();
    const resource = useResourceContext() ?? '';
    const { filterValues, meta } = useListContext();
    const { wire, unexported = [] } = onWire(resource);
    // What is masked cannot be exported.
    const allowed = columns?.length ? columns.filter(({ mode }) => mode === 'show').map(({ name }) => name) : shown;
    const possible = allowed.filter((name) => !unexported.includes(name));
    const [chosen, setChosen] = useState(possible.filter((name) => shown.includes(name)));
    const [kind, setKind] = useState<ExportFormat>('xlsx');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const { q, ...filter } = filterValues as Record<string, unknown>;

    const start = async () => {
        setBusy(true);
        try {
            await client.post('/exports', {
                resource: wire,
                filter: cleanFilter(filter),
                ...(typeof q === 'string' && q ? { q } : {}),
                columns: possible.filter((name) => chosen.includes(name)),
                format: kind,
                locale,
            });
            void navigate('/exports');
        } catch (problem) {
            setError(problem);
            setBusy(false);
        }
    };

    return (
        <Dialog open onClose={busy ? undefined : onClose} aria-labelledby="export-title">
            <DialogTitle id="export-title">{t('exports.dialog_title')}</DialogTitle>
            <DialogContent>
                <Typography variant="body2" sx={{ color: 'text.secondary', mb: 1.5 }}>
                    {t('exports.dialog_about', { count: countText((meta as ListMeta | undefined)?.count, format, t) })}
                </Typography>
                <ToggleButtonGroup exclusive size="small" color="primary" value={kind} onChange={(_, next: ExportFormat | null) => next && setKind(next)} aria-label={t('columns.format')}>
                    <ToggleButton value="xlsx">{t('exports.xlsx')}</ToggleButton>
                    <ToggleButton value="csv">{t('exports.csv')}</ToggleButton>
                </ToggleButtonGroup>
                <Box sx={{ display: 'flex', alignItems: 'center', mt: 2, mb: 0.5 }}>
                    <Typography variant="h3" sx={{ flex: 1 }}>
                        {t('exports.columns')}
                    </Typography>
                    <Button onClick={() => setChosen(chosen.length === possible.length ? [] : possible)}>{chosen.length === possible.length ? t('common.none') : t('common.all')}</Button>
                </Box>
                <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(190px, 1fr))' }}>
                    {possible.map((name) => (
                        <FormControlLabel
                            key={name}
                            control={<Checkbox checked={chosen.includes(name)} onChange={() => setChosen(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name])} />}
                            label={code('columns', name)}
                            slotProps={{ typography: { variant: 'body2' } }}
                        />
                    ))}
                </Box>
                {error !== undefined && <ProblemBox error={error} />}
            </DialogContent>
            <DialogActions>
                <Button color="inherit" onClick={onClose} disabled={busy}>
                    {t('common.cancel')}
                </Button>
                <Button variant="contained" disabled={chosen.length === 0} loading={busy} onClick={() => void start()}>
                    {t('exports.start')}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
