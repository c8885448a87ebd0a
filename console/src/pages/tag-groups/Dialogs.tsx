import FormControlLabel from '@mui/material/FormControlLabel';
import FormHelperText from '@mui/material/FormHelperText';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import type { Tag, TagColour, TagGroup } from '@/api/listening';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { ColourInput } from '@/tags/ColourInput';
import { FormDialog } from '@/ui/FormDialog';

const NAME_MAX = 128;

interface DialogProps {
    onDone: (id: string) => Promise<unknown>;
    onClose: () => void;
}

/** Asks what a group of tags is like; without a group, for a new one. */
export function GroupDialog({ group, canRate, onDone, onClose }: DialogProps & { group?: TagGroup; /** Whether the server knows of groups that rate. */ canRate: boolean }) {
    const t = useT();
    const client = useClient();
    const [name, setName] = useState(group?.name ?? '');
    const [colour, setColour] = useState<TagColour>(group?.colour ?? 'grey');
    const [exclusive, setExclusive] = useState(group?.exclusive ?? false);
    const [rates, setRates] = useState(group?.rates ?? false);
    const [active, setActive] = useState(group?.active ?? true);
    const submit = async () => {
        const body = { name: name.trim(), colour, exclusive, ...(canRate && { rates }) };
        const { id } = group ? await client.put<TagGroup>(`/tag-groups/${group.id}`, { ...body, active, version: group.version }) : await client.post<TagGroup>('/tag-groups', body);
        await onDone(id);
    };
    return (
        <FormDialog title={group ? t('tags.change_group') : t('tags.new_group')} action={group ? t('form.save') : t('form.create')} isReady={name.trim() !== ''} onSubmit={submit} onClose={onClose} fields={['name']}>
            {(said) => (
                <>
                    <TextField autoFocus required label={t('tags.group_name')} value={name} onChange={(event) => setName(event.target.value)} slotProps={{ htmlInput: { maxLength: NAME_MAX } }} {...said('name', '')} />
                    <Toggle label={t('tags.exclusive')} hint={t('tags.exclusive_hint')} value={exclusive} onChange={setExclusive} />
                    {canRate && <Toggle label={t('tags.rates')} hint={t('tags.rates_hint')} value={rates} onChange={setRates} />}
                    <ColourInput value={colour} onChange={setColour} />
                    {group && <Toggle label={t('tags.off')} hint={t('tags.off_group_hint')} value={!active} onChange={(off) => setActive(!off)} />}
                </>
            )}
        </FormDialog>
    );
}

/** Asks what a tag is like; without a tag, for a new one of the group. */
export function TagDialog({ group, tag, onDone, onClose }: DialogProps & { group: TagGroup; tag?: Tag }) {
    const t = useT();
    const client = useClient();
    const [name, setName] = useState(tag?.name ?? '');
    const [colour, setColour] = useState<TagColour>(tag?.colour ?? group.colour);
    const [active, setActive] = useState(tag?.active ?? true);
    const submit = async () => {
        const body = { name: name.trim(), colour };
        const { id } = tag ? await client.put<Tag>(`/tags/${tag.id}`, { ...body, active, version: tag.version }) : await client.post<Tag>('/tags', { ...body, group_id: group.id });
        await onDone(id);
    };
    return (
        <FormDialog title={tag ? t('tags.change_tag') : t('tags.new_tag', { group: group.name })} action={tag ? t('form.save') : t('form.create')} isReady={name.trim() !== ''} onSubmit={submit} onClose={onClose} fields={['name']}>
            {(said) => (
                <>
                    <TextField autoFocus required label={t('tags.tag_name')} value={name} onChange={(event) => setName(event.target.value)} slotProps={{ htmlInput: { maxLength: NAME_MAX } }} {...said('name', t('tags.tag_name_hint'))} />
                    <ColourInput value={colour} onChange={setColour} />
                    {tag && <Toggle label={t('tags.off')} hint={t('tags.off_tag_hint')} value={!active} onChange={(off) => setActive(!off)} />}
                </>
            )}
        </FormDialog>
    );
}

function Toggle({ label, hint, value, onChange }: { label: string; hint: string; value: boolean; onChange: (value: boolean) => void }) {
    return (
        <div>
            <FormControlLabel control={<Switch checked={value} onChange={(_, next) => onChange(next)} />} label={label} slotProps={{ typography: { variant: 'body2' } }} sx={{ gap: 1, ml: 0 }} />
            <FormHelperText sx={{ ml: 0 }}>{hint}</FormHelperText>
        </div>
    );
}
