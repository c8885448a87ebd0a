import Box from '@mui/material/Box';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { usePermissionText } from '@/access/catalogue';
import type { GrantedPermission } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Badge } from '../values';

/** From narrow to wide. */
const WIDTH = ['own', 'team', 'group', 'center', 'all'];

/** What is granted, in words, by what it is about; the widest scope of each first. */
export function PermissionTable({ permissions }: { permissions: GrantedPermission[] }) {
    const t = useT();
    const code = useCode();
    const text = usePermissionText();
    const byResource = new Map<string, Map<string, Set<string>>>();
    for (const { permission, scope } of permissions) {
        const resource = permission.split('.')[0] ?? '';
        const verbs = byResource.get(resource) ?? new Map<string, Set<string>>();
        byResource.set(resource, verbs.set(permission, (verbs.get(permission) ?? new Set<string>()).add(scope)));
    }
    if (byResource.size === 0) {
        return (
            <Typography variant="body2" sx={{ color: 'text.secondary', py: 1 }}>
                {t('access.nothing_granted')}
            </Typography>
        );
    }
    return (
        <Box tabIndex={0} role="group" aria-label={t('roles.grants')} sx={{ maxHeight: 420, overflow: 'auto', border: 1, borderColor: 'divider', borderRadius: 1 }}>
            <Table size="small" aria-label={t('roles.grants')}>
                {[...byResource].map(([resource, verbs]) => (
                    <TableBody key={resource}>
                        {[...verbs].map(([permission, scopes], index) => (
                            <TableRow key={permission}>
                                {index === 0 && (
                                    <TableCell rowSpan={verbs.size} sx={{ verticalAlign: 'top', fontWeight: 600, width: 190 }}>
                                        {code('resources', resource)}
                                    </TableCell>
                                )}
                                <TableCell>{text(permission)}</TableCell>
                                <TableCell align="right" sx={{ width: 220 }}>
                                    <Box sx={{ display: 'inline-flex', gap: 0.5, flexWrap: 'wrap', justifyContent: 'flex-end' }}>
                                        {[...scopes].sort((a, b) => WIDTH.indexOf(b.split('+')[0] ?? '') - WIDTH.indexOf(a.split('+')[0] ?? '')).map((scope) => (
                                            <Badge key={scope} tone={scope === 'all' || scope === 'center' ? 'good' : scope.endsWith('list') ? 'wait' : 'busy'}>
                                                {code('scopes', scope)}
                                            </Badge>
                                        ))}
                                    </Box>
                                </TableCell>
                            </TableRow>
                        ))}
                    </TableBody>
                ))}
            </Table>
        </Box>
    );
}
