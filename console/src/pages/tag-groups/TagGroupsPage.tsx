import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import EditOutlined from '@mui/icons-material/EditOutlined';
import SellOutlined from '@mui/icons-material/SellOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import ButtonBase from '@mui/material/ButtonBase';
import IconButton from '@mui/material/IconButton';
import Skeleton from '@mui/material/Skeleton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useState, type ReactNode } from 'react';
import type { Tag } from '@/api/listening';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { moved, useTagGroups, type GroupOfTags } from '@/tags/dictionary';
import { Spot } from '@/tags/TagChip';
import { Confirm } from '@/ui/confirm';
import { Empty } from '@/ui/empty';
import { OrderList } from '@/ui/OrderList';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox, useTellProblem } from '@/ui/problems';
import { Badge } from '@/ui/values';
import { GroupDialog, TagDialog } from './Dialogs';

type Asked = { what: 'group'; group?: GroupOfTags } | { what: 'tag'; tag?: Tag } | { what: 'delete'; path: string; name: string };

/** The tags that calls can get: groups on the left, those of the chosen one on the right, both in the order in which listeners see them. */
export function TagGroupsPage() {
    const t = useT();
    const client = useClient();
    const tellProblem = useTellProblem();
    const { groups, error, reload } = useTagGroups();
    const [chosen, setChosen] = useState<string>();
    const [asked, setAsked] = useState<Asked>();
    const [busy, setBusy] = useState(false);
    const group = groups?.find(({ id }) => id === chosen) ?? groups?.[0];
    const close = () => setAsked(undefined);

    const move = async <T extends { id: string; position: number; version: number }>(path: string, rows: readonly T[], row: T, by: -1 | 1) => {
        if (busy) return;
        setBusy(true);
        try {
            for (const { row: each, position } of moved(rows, row.id, by)) await client.put(`${path}/${each.id}`, { position, version: each.version });
        } catch (problem) {
            tellProblem(problem);
        } finally {
            await reload();
            setBusy(false);
        }
    };
    const deeds = (name: string, onEdit: () => void, path: string) => (
        <>
            <RowButton label={t('tags.change', { name })} icon={<EditOutlined sx={{ fontSize: 17 }} />} onClick={onEdit} />
            <RowButton label={t('tags.delete', { name })} icon={<DeleteOutlined sx={{ fontSize: 17 }} />} onClick={() => setAsked({ what: 'delete', path, name })} />
        </>
    );
    const newGroup = (
        <Button variant="contained" startIcon={<Add />} onClick={() => setAsked({ what: 'group' })}>
            {t('tags.new_group')}
        </Button>
    );

    return (
        <Page width={1100}>
            <PageHead title={t('nav.tag_groups')} about={t('tags.about')} actions={groups && groups.length > 0 && newGroup} />
            {error && !groups && <ProblemBox error={error} onRetry={() => void reload()} />}
            {!error && !groups && <Skeleton variant="rounded" height={280} />}
            {groups?.length === 0 && <Empty icon={SellOutlined} title={t('tags.empty')} hint={t('tags.empty_hint')} action={newGroup} />}
            {groups && group && (
                <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', md: '1fr 1fr' }, gap: 2, alignItems: 'start' }}>
                    <Section title={t('tags.groups')} flush>
                        <OrderList
                            label={t('tags.groups')}
                            rows={groups}
                            name={({ name }) => name}
                            isCurrent={({ id }) => id === group.id}
                            onMove={(row, by) => void move('/tag-groups', groups, row, by)}
                            actions={(row) => deeds(row.name, () => setAsked({ what: 'group', group: row }), `/tag-groups/${row.id}`)}
                        >
                            {(row) => (
                                <ButtonBase onClick={() => setChosen(row.id)} aria-current={row.id === group.id} sx={{ width: '100%', justifyContent: 'flex-start', gap: 1, py: 0.75, px: 1, borderRadius: 1, font: 'inherit', textAlign: 'left' }}>
                                    <Spot colour={row.colour} />
                                    <Typography variant="body2" component="bdi" noWrap sx={{ fontWeight: row.id === group.id ? 650 : undefined }}>
                                        {row.name}
                                    </Typography>
                                    <Typography variant="caption" sx={{ color: 'text.secondary', whiteSpace: 'nowrap' }}>
                                        {t('tags.count', { smart_count: row.tags.length })}
                                        {row.exclusive && ` · ${t('tags.one_of')}`}
                                        {row.rates && ` · ${t('tags.is_rating')}`}
                                    </Typography>
                                    {!row.active && <Badge tone="off">{t('tags.is_off')}</Badge>}
                                </ButtonBase>
                            )}
                        </OrderList>
                    </Section>
                    <Section
                        title={<bdi>{group.name}</bdi>}
                        about={group.exclusive ? t('tags.exclusive_hint') : undefined}
                        actions={
                            <Button variant="outlined" startIcon={<Add />} onClick={() => setAsked({ what: 'tag' })}>
                                {t('tags.add_tag')}
                            </Button>
                        }
                        flush
                    >
                        {group.tags.length === 0 ? (
                            <Empty title={t('tags.no_tags')} />
                        ) : (
                            <OrderList
                                label={t('tags.of_group', { group: group.name })}
                                rows={group.tags}
                                name={({ name }) => name}
                                onMove={(row, by) => void move('/tags', group.tags, row, by)}
                                actions={(row) => deeds(row.name, () => setAsked({ what: 'tag', tag: row }), `/tags/${row.id}`)}
                            >
                                {(row) => (
                                    <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, px: 1 }}>
                                        <Spot colour={row.colour} />
                                        <Typography variant="body2" component="bdi" noWrap>
                                            {row.name}
                                        </Typography>
                                        {!row.active && <Badge tone="off">{t('tags.is_off')}</Badge>}
                                    </Box>
                                )}
                            </OrderList>
                        )}
                    </Section>
                </Box>
            )}
            {asked?.what === 'group' && (
                <GroupDialog
                    group={asked.group}
                    canRate={groups?.some(({ rates }) => rates !== undefined) ?? false}
                    onClose={close}
                    onDone={async (id) => {
                        await reload();
                        setChosen(id);
                    }}
                />
            )}
            {asked?.what === 'tag' && group && <TagDialog group={group} tag={asked.tag} onClose={close} onDone={reload} />}
            {asked?.what === 'delete' && (
                <Confirm
                    open
                    danger
                    title={t('form.delete_title', { name: asked.name })}
                    action={t('form.delete')}
                    onClose={close}
                    onConfirm={async () => {
                        await client.delete(asked.path);
                        await reload();
                    }}
                >
                    {t('tags.delete_text')}
                </Confirm>
            )}
        </Page>
    );
}

function RowButton({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }) {
    return (
        <Tooltip title={label}>
            <IconButton aria-label={label} onClick={onClick} sx={{ p: 0.5 }}>
                {icon}
            </IconButton>
        </Tooltip>
    );
}
