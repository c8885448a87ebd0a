import Box from '@mui/material/Box';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useFormContext, useWatch } from 'react-hook-form';
import type { CameBy, RouteMatch } from '@/api/plan';
import { useMe } from '@/access/me';
import { useT } from '@/i18n';
import { Fields } from '@/ui/form/FormPage';
import { between, ManyInput, NumberInput } from '@/ui/form/inputs';
import { IfSeen, useFormRights } from '@/ui/form/rights';
import { TagsInput } from '@/ui/form/tags';
import { plainNumber } from '../carriers/wire';
import { CalendarFields } from './CalendarFields';
import { useCarriers } from './names';
import { newCalendar } from './wire';

/** Which calls a route is for. */
export function MatchFields() {
    const t = useT();
    return (
        <IfSeen column="match">
            <Fields>
                <TagsInput source="match.to" label="routes.to" hint="routes.numbers_hint" placeholder={t('routes.to_any')} parse={plain} blanks />
                <TagsInput source="match.from" label="routes.from" hint="routes.numbers_hint" placeholder={t('routes.from_any')} parse={plain} blanks />
                <CameByInput />
                <NumberInput source="match.length" label="routes.length" hint="routes.length_hint" min={1} max={32} validate={between(1, 32)} />
            </Fields>
            <WhenFields />
        </IfSeen>
    );
}

const plain = (texts: string[]) => texts.map(plainNumber);

/** By what a call came. */
function CameByInput() {
    const t = useT();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const carriers = useCarriers();
    const cameBy = useWatch({ name: 'match.came_by' }) as CameBy | undefined;
    const kind = typeof cameBy === 'object' ? 'carriers' : (cameBy ?? 'any');
    return (
        <Box>
            <TextField
                select
                fullWidth
                label={t('routes.came_by')}
                value={kind}
                disabled={readOnly || masks('match')}
                helperText={kind === 'any' ? t('routes.came_by_any_hint') : ' '}
                onChange={({ target: { value } }) => setValue('match.came_by', value === 'carriers' ? { carriers: [] } : value, { shouldDirty: true })}
            >
                {(['any', 'slot', 'carriers'] as const).map((each) => (
                    <MenuItem key={each} value={each}>
                        {t(`routes.came_bys.${each}`)}
                    </MenuItem>
                ))}
            </TextField>
            {kind === 'carriers' && <ManyInput source="match.came_by.carriers" label="routes.which_carriers" required choices={carriers.map(({ id, name }) => ({ id, name }))} />}
        </Box>
    );
}

/** When. */
function WhenFields() {
    const t = useT();
    const me = useMe();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const when = useWatch({ name: 'match.when' }) as RouteMatch['when'];
    const kind = !when ? 'always' : when.open === false ? 'closed' : 'open';
    const choose = (value: string) => {
        if (value === 'always') setValue('match.when', null, { shouldDirty: true });
        else if (when) setValue('match.when.open', value === 'open', { shouldDirty: true });
        else setValue('match.when', { calendar: newCalendar(me?.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone), open: value === 'open' }, { shouldDirty: true });
    };
    return (
        <>
            <TextField select label={t('routes.when')} value={kind} disabled={readOnly || masks('match')} onChange={({ target: { value } }) => choose(value)} sx={{ minWidth: 260, mb: 1.5 }}>
                {(['always', 'open', 'closed'] as const).map((each) => (
                    <MenuItem key={each} value={each}>
                        {t(`routes.whens.${each}`)}
                    </MenuItem>
                ))}
            </TextField>
            {when && <CalendarFields source="match.when.calendar" />}
        </>
    );
}
