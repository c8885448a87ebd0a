import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import KeyOutlined from '@mui/icons-material/VpnKeyOutlined';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import { useDataProvider, useRefresh } from 'ra-core';
import { useState } from 'react';
import { Link } from 'react-router';
import { useCanDo } from '@/access/me';
import { useRoleName } from '@/access/roles';
import type { OidcRule } from '@/api/types';
import { useT } from '@/i18n';
import { Confirm } from '@/ui/confirm';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Moment } from '@/ui/values';

const COLUMNS: ColumnSpec<OidcRule & { created_at?: number }>[] = [
    { name: 'issuer' },
    { name: 'claim', render: (rule) => <code>{rule.claim}</code> },
    { name: 'value', render: (rule) => <code>{rule.value}</code> },
    { name: 'role', render: (rule) => <RoleName code={rule.role} /> },
    { name: 'created_at', render: (rule) => <Moment at={rule.created_at} />, width: 150 },
];

/** Which claims of a log-in provider give which roles. */
export function RuleList() {
    const t = useT();
    const may = useCanDo('oidc-role-map');
    const refresh = useRefresh();
    const dataProvider = useDataProvider();
    const [deleting, setDeleting] = useState<OidcRule>();
    const create = may('create') && (
        <Button component={Link} to="/oidc-role-map/create" variant="contained" startIcon={<Add />}>
            {t('oidc.create')}
        </Button>
    );
    return (
        <>
            <ListPage<OidcRule>
                resource="oidc-role-map"
                title={t('nav.oidc')}
                about={t('oidc.about')}
                columns={COLUMNS}
                actions={create}
                rowActions={
                    may('delete')
                        ? (rule) => (
                              <Tooltip title={t('form.delete')}>
                                  <IconButton aria-label={t('form.delete')} onClick={() => setDeleting(rule)}>
                                      <DeleteOutlined fontSize="small" />
                                  </IconButton>
                              </Tooltip>
                          )
                        : undefined
                }
                empty={<Empty icon={KeyOutlined} title={t('oidc.empty')} hint={t('oidc.empty_hint')} action={create} />}
            />
            <Confirm
                open={deleting !== undefined}
                danger
                title={t('oidc.delete_title')}
                action={t('form.delete')}
                onClose={() => setDeleting(undefined)}
                onConfirm={async () => {
                    if (!deleting) return;
                    await dataProvider.delete('oidc-role-map', { id: deleting.id, previousData: deleting });
                    refresh();
                }}
            >
                {t('oidc.delete_text')}
            </Confirm>
        </>
    );
}

function RoleName({ code }: { code: string }) {
    const name = useRoleName();
    return <bdi>{name(code)}</bdi>;
}
