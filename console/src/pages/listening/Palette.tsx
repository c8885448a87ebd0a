import Autocomplete from '@mui/material/Autocomplete';
import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { alpha, useTheme } from '@mui/material/styles';
import type { CallTag } from '@/api/listening';
import { useT } from '@/i18n';
import { colourOf } from '@/tags/colours';
import { rowsOf, type Place } from './places';
import { isOn, type Stand } from './tagging';

interface PaletteProps {
    places: readonly Place[];
    tags: readonly CallTag[];
    stands: ReadonlyMap<string, Stand>;
    disabled: boolean;
    onPress: (tag: string) => void;
}

/** The tags that a call can get, group by group, each a button with its key; those that are set are pressed. */
export function Palette({ places, tags, stands, disabled, onPress }: PaletteProps) {
    const t = useT();
    // What a call has and is not offered any more can be seen, and taken off.
    const others = tags.filter(({ tag_id }) => !places.some(({ tag }) => tag.id === tag_id));
    return (
        <Box sx={{ display: 'flex', flexWrap: 'wrap', columnGap: 2, rowGap: 0.5, alignItems: 'center' }}>
            {rowsOf(places).map((row) => (
                <Group key={row.group.id} name={row.group.name}>
                    {row.places.map(({ tag, digit, gone }) => (
                        <TagButton key={tag.id} name={tag.name} colour={tag.colour} digit={digit} stand={stands.get(tag.id)} disabled={disabled || gone} hint={gone ? t('listening.tag_gone') : undefined} onPress={() => onPress(tag.id)} />
                    ))}
                </Group>
            ))}
            {others.length > 0 && (
                <Group name={t('listening.other_tags')}>
                    {others.map((tag) => (
                        <TagButton key={tag.tag_id} name={tag.name ?? `#${tag.tag_id}`} colour={tag.colour} stand={stands.get(tag.tag_id)} disabled hint={t('listening.tag_gone')} onPress={() => undefined} />
                    ))}
                </Group>
            )}
        </Box>
    );
}

function Group({ name, children }: { name: string; children: React.ReactNode }) {
    return (
        <Box role="group" aria-label={name} sx={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: 0.5 }}>
            <Typography variant="caption" component="bdi" aria-hidden sx={{ color: 'text.secondary', mr: 0.25 }}>
                {name}
            </Typography>
            {children}
        </Box>
    );
}

function TagButton({ name, colour, digit, stand, disabled, hint, onPress }: { name: string; colour: string | null | undefined; digit?: number; stand: Stand | undefined; disabled: boolean; hint?: string; onPress: () => void }) {
    const { palette } = useTheme();
    const isSet = isOn(stand);
    const paint = colourOf(colour, palette.mode);
    const button = (
        <ButtonBase
            aria-pressed={isSet}
            aria-keyshortcuts={digit === undefined ? undefined : String(digit)}
            disabled={disabled}
            onClick={onPress}
            sx={{
                height: 28,
                pl: 0.75,
                pr: 1,
                gap: 0.75,
                borderRadius: 1,
                border: '1px solid',
                // What is not answered yet has a broken edge.
                borderStyle: stand === 'setting' || stand === 'unsetting' ? 'dashed' : 'solid',
                borderColor: isSet ? paint : 'divider',
                borderLeft: `4px solid ${paint}`,
                bgcolor: isSet ? alpha(paint, palette.mode === 'dark' ? 0.28 : 0.16) : undefined,
                font: 'inherit',
                fontSize: '0.8125rem',
                fontWeight: isSet ? 650 : undefined,
                '&.Mui-disabled': { opacity: isSet ? 0.8 : 0.45 },
            }}
        >
            {digit !== undefined && (
                <Box component="kbd" aria-hidden sx={{ fontSize: '0.6875rem', lineHeight: '15px', minWidth: 15, textAlign: 'center', border: 1, borderColor: 'divider', borderRadius: 0.5, color: 'text.secondary' }}>
                    {digit}
                </Box>
            )}
            <bdi>{name}</bdi>
        </ButtonBase>
    );
    return hint ? (
        <Tooltip title={hint}>
            <span>{button}</span>
        </Tooltip>
    ) : (
        button
    );
}

/** Finds any tag by its letters. */
export function AnyTag({ places, stands, onPress, onClose }: { places: readonly Place[]; stands: ReadonlyMap<string, Stand>; onPress: (tag: string) => void; onClose: () => void }) {
    const t = useT();
    return (
        <Autocomplete
            open
            autoHighlight
            options={places.filter(({ gone }) => !gone)}
            groupBy={({ group }) => group.name}
            getOptionLabel={({ tag }) => tag.name}
            getOptionKey={({ tag }) => tag.id}
            noOptionsText={t('common.nothing_found')}
            onChange={(_, place) => {
                if (place) onPress(place.tag.id);
                onClose();
            }}
            onClose={(_, reason) => (reason === 'escape' || reason === 'blur') && onClose()}
            renderOption={({ key, ...props }, { tag }) => (
                <li key={key} {...props}>
                    <bdi>{tag.name}</bdi>
                    {isOn(stands.get(tag.id)) && (
                        <Typography variant="caption" sx={{ ml: 1, color: 'text.secondary' }}>
                            {t('listening.is_set')}
                        </Typography>
                    )}
                </li>
            )}
            renderInput={(params) => <TextField {...params} autoFocus label={t('listening.any_tag')} />}
            slotProps={{ popper: { placement: 'top-start' } }}
            sx={{ width: 240 }}
        />
    );
}
