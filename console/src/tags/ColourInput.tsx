import Check from '@mui/icons-material/Check';
import Box from '@mui/material/Box';
import FormControl from '@mui/material/FormControl';
import FormLabel from '@mui/material/FormLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import Tooltip from '@mui/material/Tooltip';
import { useTheme } from '@mui/material/styles';
import { useId } from 'react';
import type { TagColour } from '@/api/listening';
import { useT } from '@/i18n';
import { COLOURS, colourOf } from './colours';

/** One of the colours that there are. Arrows go from one to the next, as among all that can be chosen so. */
export function ColourInput({ value, onChange }: { value: TagColour; onChange: (colour: TagColour) => void }) {
    const t = useT();
    const id = useId();
    const { palette } = useTheme();
    return (
        <FormControl>
            <FormLabel id={id} sx={{ fontSize: '0.75rem' }}>
                {t('tags.colour')}
            </FormLabel>
            <RadioGroup row aria-labelledby={id} value={value} onChange={(_, next) => onChange(next as TagColour)} sx={{ gap: 0.5, mt: 0.5 }}>
                {(Object.keys(COLOURS) as TagColour[]).map((colour) => (
                    <Tooltip key={colour} title={t(`tags.colours.${colour}`)}>
                        <Radio
                            value={colour}
                            slotProps={{ input: { 'aria-label': t(`tags.colours.${colour}`) } }}
                            icon={<Box sx={{ width: 26, height: 26, borderRadius: 1, bgcolor: colourOf(colour, palette.mode) }} />}
                            checkedIcon={
                                <Box sx={{ width: 26, height: 26, borderRadius: 1, bgcolor: colourOf(colour, palette.mode), color: 'background.paper', display: 'grid', placeItems: 'center' }}>
                                    <Check sx={{ fontSize: 19 }} />
                                </Box>
                            }
                            sx={{ p: '3px', borderRadius: 1, '&.Mui-focusVisible': { outline: `2px solid ${palette.primary.main}`, outlineOffset: 1 } }}
                        />
                    </Tooltip>
                ))}
            </RadioGroup>
        </FormControl>
    );
}
