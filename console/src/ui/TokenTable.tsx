import Button from '@mui/material/Button';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { useState } from 'react';
import type { ApiToken } from '@/api/types';
import { useT } from '@/i18n';
import { Confirm } from './confirm';
import { Moment } from './values';

/** The keys with which programs come in somebody's name. */
export function TokenTable({ tokens, onEnd }: { tokens: ApiToken[]; onEnd?: (token: ApiToken) => Promise<unknown> }) {
    const t = useT();
    const [ending, setEnding] = useState<ApiToken>();
    return (
        <>
            <Table size="small">
                <TableHead>
                    <TableRow>
                        <TableCell>{t('columns.name')}</TableCell>
                        <TableCell>{t('tokens.permissions')}</TableCell>
                        <TableCell>{t('columns.created_at')}</TableCell>
                        <TableCell>{t('columns.last_used_at')}</TableCell>
                        <TableCell>{t('columns.expires_at')}</TableCell>
                        <TableCell />
                    </TableRow>
                </TableHead>
                <TableBody>
                    {tokens.map((token) => (
                        <TableRow key={token.id}>
                            <TableCell>
                                <bdi>{token.name}</bdi>
                            </TableCell>
                            <TableCell title={token.permissions?.join('\n')}>{token.permissions ? t('tokens.some', { smart_count: token.permissions.length }) : t('tokens.all')}</TableCell>
                            <TableCell>
                                <Moment at={token.created_at} />
                            </TableCell>
                            <TableCell>
                                <Moment at={token.last_used_at} show="ago" />
                            </TableCell>
                            <TableCell>{token.expires_at === null ? t('tokens.never') : <Moment at={token.expires_at} />}</TableCell>
                            <TableCell align="right">
                                {onEnd && (
                                    <Button color="error" onClick={() => setEnding(token)}>
                                        {t('tokens.end')}
                                    </Button>
                                )}
                            </TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
            <Confirm
                open={ending !== undefined}
                danger
                title={t('tokens.end_title', { name: ending?.name })}
                action={t('tokens.end')}
                onClose={() => setEnding(undefined)}
                onConfirm={async () => ending && onEnd?.(ending)}
            >
                {t('tokens.end_text')}
            </Confirm>
        </>
    );
}
