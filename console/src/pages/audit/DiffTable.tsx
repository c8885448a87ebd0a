import Box from '@mui/material/Box';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { alpha } from '@mui/material/styles';
import { useFieldText } from '@/access/catalogue';
import type { AuditEntry } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { Nothing } from '@/ui/values';

/** Old and new values side by side. */
export function DiffTable({ diff }: { diff: AuditEntry['diff'] }) {
    const t = useT();
    const text = useFieldText();
    if (diff === null || Object.keys(diff).length === 0) {
        return (
            <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                {diff === null ? t('audit.withheld_hint') : t('audit.no_diff')}
            </Typography>
        );
    }
    return (
        <Table size="small" sx={{ tableLayout: 'fixed' }}>
            <TableHead>
                <TableRow>
                    <TableCell sx={{ width: '28%' }}>{t('audit.column')}</TableCell>
                    <TableCell>{t('audit.old')}</TableCell>
                    <TableCell>{t('audit.new')}</TableCell>
                </TableRow>
            </TableHead>
            <TableBody>
                {Object.entries(diff).map(([name, [before, after]]) => (
                    <TableRow key={name} sx={{ verticalAlign: 'top' }}>
                        <TableCell sx={{ overflowWrap: 'anywhere' }}>{text(name)}</TableCell>
                        <TableCell sx={(theme) => ({ bgcolor: before === null ? undefined : alpha(theme.palette.tones.bad, 0.07) })}>
                            <Value name={name} value={before} />
                        </TableCell>
                        <TableCell sx={(theme) => ({ bgcolor: after === null ? undefined : alpha(theme.palette.tones.good, 0.09) })}>
                            <Value name={name} value={after} />
                        </TableCell>
                    </TableRow>
                ))}
            </TableBody>
        </Table>
    );
}

function Value({ name, value }: { name: string; value: unknown }) {
    const t = useT();
    const format = useFormat();
    if (value === null || value === undefined || value === '') return <Nothing />;
    if (typeof value === 'boolean') return <span>{value ? t('common.yes') : t('common.no')}</span>;
    if (typeof value === 'number' && /_(at|until)$/.test(name)) return <span>{format.moment(value)}</span>;
    if (typeof value === 'object') {
        return (
            <Box component="pre" sx={{ m: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', fontSize: '0.75rem !important' }}>
                {Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join('\n') : JSON.stringify(value, null, 1)}
            </Box>
        );
    }
    return <bdi style={{ overflowWrap: 'anywhere' }}>{String(value) === 'changed' ? t('audit.secret') : String(value)}</bdi>;
}
