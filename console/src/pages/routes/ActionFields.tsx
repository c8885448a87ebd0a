import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import Box from '@mui/material/Box';
import { useFormContext, useWatch } from 'react-hook-form';
import type { Action } from '@/api/plan';
import type { Cause } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Fields } from '@/ui/form/FormPage';
import { between, isUrl, NumberInput, PasswordInput, SelectInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { IfSeen, useFormRights } from '@/ui/form/rights';
import { SlotsInput } from '@/ui/form/tags';
import { OutletsInput } from './OutletsInput';
import { ACTIONS, newAction } from './wire';

/** Causes that a person would refuse a call with. */
const CAUSES: Cause[] = ['destination_not_allowed', 'no_such_number', 'busy', 'declined', 'no_answer', 'out_of_service', 'not_registered', 'overloaded'];

/** How several slots ring. */
const RINGS = ['together', 'in_turn'] as const;

/** What becomes of a call. The default of a question is not another question. */
export function ActionFields({ source, isDefault = false }: { source: string; isDefault?: boolean }) {
    const t = useT();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const action = useWatch({ name: source }) as Action | undefined;
    const kinds = isDefault ? ACTIONS.filter((kind) => kind !== 'ask') : ACTIONS;
    return (
        <IfSeen column="then">
            <RadioGroup
                row
                aria-label={isDefault ? t('routes.otherwise') : t('routes.then')}
                value={action?.do ?? ''}
                onChange={(_, kind) => setValue(source, newAction(kind as Action['do']), { shouldDirty: true })}
                sx={{ mb: 1.5, columnGap: 1 }}
            >
                {kinds.map((kind) => (
                    <FormControlLabel key={kind} value={kind} disabled={readOnly || masks('then')} control={<Radio size="small" sx={{ py: 0.5 }} />} label={t(`routes.actions.${kind}`)} slotProps={{ typography: { variant: 'body2' } }} />
                ))}
            </RadioGroup>
            {/* Another kind has other fields: what was said of the one before is not taken along. */}
            <Box key={action?.do}>{action && <KindFields action={action} source={source} />}</Box>
        </IfSeen>
    );
}

function KindFields({ action, source }: { action: Action; source: string }) {
    const t = useT();
    const code = useCode();
    switch (action.do) {
        case 'slots':
            return (
                <Fields>
                    <SlotsInput source={`${source}.slots`} label="routes.slots" hint="routes.slots_hint" required />
                    <SelectInput source={`${source}.ring`} label="routes.ring" defaultValue="together" required choices={RINGS.map((ring) => ({ id: ring, name: t(`routes.rings.${ring}`) }))} />
                    <RingInput source={source} />
                </Fields>
            );
        case 'dialled_slot':
            return (
                <Fields>
                    <RingInput source={source} />
                </Fields>
            );
        case 'carriers':
            return (
                <>
                    <OutletsInput source={`${source}.order`} />
                    <SwitchInput source={`${source}.least_cost`} label="routes.least_cost" hint="routes.least_cost_hint" />
                </>
            );
        case 'service':
            return (
                <Fields>
                    <TextInput source={`${source}.number`} label="routes.service" hint="routes.service_hint" maxLength={32} />
                </Fields>
            );
        case 'refuse':
            return (
                <Fields>
                    <SelectInput
                        source={`${source}.cause`}
                        label="columns.cause"
                        required
                        choices={[...new Set([...CAUSES, action.cause])].filter(Boolean).map((cause) => ({ id: cause, name: code('causes', cause) }))}
                    />
                </Fields>
            );
        case 'ask':
            return (
                <>
                    <Fields>
                        <TextInput source={`${source}.url`} label="columns.url" hint="routes.url_hint" required validate={isUrl} maxLength={2000} />
                        <PasswordInput source={`${source}.secret`} label="routes.secret" hint="routes.secret_hint" />
                        <NumberInput source={`${source}.deadline_ms`} label="routes.deadline_ms" hint="routes.deadline_hint" min={50} max={5000} validate={between(50, 5000)} />
                    </Fields>
                    <Box component="h3" sx={{ fontSize: '0.8125rem', fontWeight: 600, m: 0 }}>
                        {t('routes.otherwise')}
                    </Box>
                    <Box sx={{ borderLeft: 2, borderColor: 'divider', pl: 2, mt: 0.5 }}>
                        <ActionFields source={`${source}.default`} isDefault />
                    </Box>
                </>
            );
    }
}

function RingInput({ source }: { source: string }) {
    return <NumberInput source={`${source}.ring_s`} label="routes.ring_s" hint="routes.ring_hint" min={1} max={300} validate={between(1, 300)} />;
}
