// The parts of a carrier that most of them never need.
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Box from '@mui/material/Box';
import { useFormContext } from 'react-hook-form';
import { useCode, useT } from '@/i18n';
import { Fold } from '@/ui/form/Fold';
import { Fields } from '@/ui/form/FormPage';
import { between, NumberInput, SelectInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { IfSeen, useFormRights } from '@/ui/form/rights';
import { Rows } from '@/ui/form/Rows';
import { RulesInput } from '@/ui/form/RulesInput';
import { TagsInput } from '@/ui/form/tags';
import { useMayShare } from './NumbersSections';
import { useTyped } from './typed';
import { countryOf, FORMS, NO_RATE, readRate } from './wire';

/** Whose carrier it is; asked only of those who could share one. */
export function SharingInput() {
    const t = useT();
    const may = useMayShare();
    const { centers } = useTyped('centers');
    if (!may && centers !== 'all') return null;
    return (
        <Fields>
            <SelectInput source="centers" label="carriers.centers" hint="carriers.centers_hint" choices={(['own', 'all'] as const).map((id) => ({ id, name: t(`carriers.centers_of.${id}`) }))} />
        </Fields>
    );
}

/** How numbers are written where the carrier is. */
export function FormFold() {
    const t = useT();
    const code = useCode();
    const { form, send, rules_in, rules_out } = useTyped('form', 'send', 'rules_in', 'rules_out');
    const rules = (rules_in?.length ?? 0) + (rules_out?.length ?? 0);
    const country = countryOf(form);
    const parts = [form?.country_code ? (country ? code('countries', country) : `+${form.country_code}`) : t('carriers.form_none'), t(`carriers.sends.${send ?? 'plus'}`), rules > 0 && t('carriers.rules_count', { smart_count: rules })];
    return (
        <IfSeen column="form">
            <Fold title={t('carriers.form')} about={t('carriers.form_about')} summary={parts.filter(Boolean).join(' · ')} sources={['form', 'send', 'rules_in', 'rules_out']}>
                <Fields>
                    <CountryInput />
                    <SelectInput source="send" label="carriers.send" hint="carriers.send_hint" choices={(['plus', 'digits', 'national'] as const).map((id) => ({ id, name: t(`carriers.sends.${id}`) }))} />
                </Fields>
                {form && (
                    <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', sm: 'repeat(5, 1fr)' }, columnGap: 1.5, '& .MuiFormHelperText-root': { minHeight: '1.25em' } }}>
                        <TextInput source="form.country_code" label="carriers.country_code" maxLength={3} />
                        <TextInput source="form.trunk_prefix" label="carriers.trunk_prefix" maxLength={8} />
                        <TextInput source="form.international_prefix" label="carriers.international_prefix" maxLength={8} />
                        <NumberInput source="form.national_digits.min" label="carriers.digits_min" min={5} max={14} />
                        <NumberInput source="form.national_digits.max" label="carriers.digits_max" min={5} max={14} />
                    </Box>
                )}
                <Sub>{t('carriers.rules_in')}</Sub>
                <RulesInput source="rules_in" none="carriers.rules_in_none" />
                <Sub>{t('carriers.rules_out')}</Sub>
                <RulesInput source="rules_out" none="carriers.rules_out_none" />
            </Fold>
        </IfSeen>
    );
}

/** Fills in how a country writes its numbers. */
function CountryInput() {
    const t = useT();
    const code = useCode();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const { form } = useTyped('form');
    const known = form ? (countryOf(form) ?? 'other') : '';
    return (
        <TextField
            select
            fullWidth
            label={t('carriers.country')}
            value={known}
            disabled={readOnly || masks('form')}
            onChange={({ target: { value } }) => setValue('form', value === '' ? null : value === 'other' ? { country_code: '', trunk_prefix: '', international_prefix: '', national_digits: { min: 10, max: 10 } } : FORMS[value], { shouldDirty: true })}
            helperText={t('carriers.country_hint')}
            slotProps={{ inputLabel: { shrink: true }, select: { displayEmpty: true } }}
        >
            <MenuItem value="">{t('carriers.form_none')}</MenuItem>
            {Object.keys(FORMS).map((country) => (
                <MenuItem key={country} value={country}>
                    {code('countries', country)}
                </MenuItem>
            ))}
            <MenuItem value="other">{t('carriers.country_other')}</MenuItem>
        </TextField>
    );
}

/** Its place among others, and when another takes its call. */
export function FailoverFold() {
    const t = useT();
    const { group, priority, weight, failover } = useTyped('group', 'priority', 'weight', 'failover');
    return (
        <Fold
            title={t('carriers.failover')}
            about={t('carriers.failover_about')}
            summary={[group ? t('carriers.in_group', { group }) : t('carriers.no_group'), t('carriers.order_summary', { priority: priority ?? 100, weight: weight ?? 100 }), t('carriers.silent_summary', { seconds: failover?.silent_s ?? 6 })].join(' · ')}
            sources={['group', 'priority', 'weight', 'failover']}
        >
            <Fields>
                <TextInput source="group" label="columns.group" hint="carriers.group_hint" maxLength={100} />
                <NumberInput source="failover.silent_s" label="carriers.silent_s" hint="carriers.silent_hint" min={1} max={32} validate={between(1, 32)} />
                <NumberInput source="priority" label="columns.priority" hint="carriers.priority_hint" min={0} max={65_535} validate={between(0, 65_535)} />
                <NumberInput source="weight" label="columns.weight" hint="carriers.weight_hint" min={0} max={65_535} validate={between(0, 65_535)} />
            </Fields>
            <TagsInput source="failover.next" label="carriers.next" hint="carriers.next_hint" format={((statuses?: number[]) => (statuses ?? []).map(String)) as never} parse={(texts) => texts.map(Number).filter((status) => status > 0)} />
        </Fold>
    );
}

/** What it costs. */
export function RatesFold() {
    const t = useT();
    const { rates, currency } = useTyped('rates', 'currency');
    return (
        <IfSeen column="rates">
            <Fold title={t('columns.rates')} about={t('carriers.rates_about')} summary={rates?.length ? t('carriers.rates_count', { smart_count: rates.length, currency: currency ?? '' }) : t('carriers.no_rates')} sources={['rates', 'currency', 'rated_only']}>
                <Fields>
                    <TextInput source="currency" label="columns.currency" hint="carriers.currency_hint" maxLength={3} />
                    <SwitchInput source="rated_only" label="carriers.rated_only" hint="carriers.rated_only_hint" />
                </Fields>
                <Rows
                    source="rates"
                    label={t('carriers.rate')}
                    add={t('carriers.rate_add')}
                    none={t('carriers.no_rates')}
                    blank={NO_RATE}
                    columns="1.2fr 1fr 1fr 1fr 1fr"
                    max={20_000}
                    paste={{ reader: readRate, title: t('carriers.paste_rates'), hint: t('carriers.paste_rates_hint') }}
                >
                    {(row, index) => (
                        <>
                            <TextInput source={`${row}.prefix`} label="carriers.prefix" hint={index === 0 ? 'carriers.prefix_hint' : undefined} maxLength={16} />
                            <TextInput source={`${row}.per_minute`} label="carriers.per_minute" hint={index === 0 ? 'carriers.minor_hint' : undefined} maxLength={12} />
                            <TextInput source={`${row}.connect`} label="carriers.connect" maxLength={12} />
                            <NumberInput source={`${row}.first_s`} label="carriers.first_s" min={0} max={3600} />
                            <NumberInput source={`${row}.step_s`} label="carriers.step_s" min={1} max={3600} />
                        </>
                    )}
                </Rows>
            </Fold>
        </IfSeen>
    );
}

/** How it is told who calls. */
export function IdentityFold() {
    const t = useT();
    const { identity } = useTyped('identity');
    const headers = [identity?.asserted && 'P-Asserted-Identity', identity?.preferred && 'P-Preferred-Identity', identity?.remote_party && 'Remote-Party-ID'].filter(Boolean);
    return (
        <IfSeen column="identity">
            <Fold title={t('columns.identity')} about={t('carriers.identity_about')} summary={[t(`carriers.froms.${identity?.from ?? 'caller'}`), ...headers].join(' · ')} sources={['identity']}>
                <Fields>
                    <SelectInput source="identity.from" label="carriers.from" hint="carriers.from_hint" choices={(['caller', 'account'] as const).map((id) => ({ id, name: t(`carriers.froms.${id}`) }))} />
                    <SelectInput source="identity.privacy" label="carriers.privacy" hint="carriers.privacy_hint" choices={(['refuse', 'id', 'anonymous'] as const).map((id) => ({ id, name: t(`carriers.privacies.${id}`) }))} />
                    <SwitchInput source="identity.asserted" label="carriers.asserted" hint="carriers.asserted_hint" />
                    <SwitchInput source="identity.preferred" label="carriers.preferred" hint="carriers.preferred_hint" />
                    <SwitchInput source="identity.remote_party" label="carriers.remote_party" hint="carriers.remote_party_hint" />
                    <SwitchInput source="identity.believe" label="carriers.believe" hint="carriers.believe_hint" />
                    <SelectInput source="identity.redirections" label="carriers.redirections" hint="carriers.redirections_hint" choices={(['none', 'diversion', 'history_info'] as const).map((id) => ({ id, name: t(`carriers.redirections_of.${id}`) }))} />
                </Fields>
            </Fold>
        </IfSeen>
    );
}

/** How its being there is watched, and where its calls come from. */
export function WatchFold() {
    const t = useT();
    const { health, networks } = useTyped('health', 'networks');
    const every = health?.options_every_s ?? 30;
    return (
        <IfSeen column="health">
            <Fold
                title={t('columns.health')}
                about={t('carriers.health_about')}
                summary={[every === 0 ? t('carriers.health_off') : t('carriers.health_summary', { seconds: every }), networks?.length ? t('carriers.networks_count', { smart_count: networks.length }) : t('carriers.networks_hosts')].join(' · ')}
                sources={['health', 'networks']}
            >
                <Fields>
                    <NumberInput source="health.options_every_s" label="carriers.options_every_s" hint="carriers.options_hint" min={0} max={3600} validate={between(0, 3600)} />
                    <NumberInput source="health.off_after" label="carriers.off_after" hint="carriers.off_after_hint" min={1} max={100} validate={between(1, 100)} />
                </Fields>
                <TagsInput source="networks" label="columns.networks" hint="carriers.networks_hint" placeholder="203.0.113.0/28" />
            </Fold>
        </IfSeen>
    );
}

/** What a caller hears before the answer, and calls that are sent on. */
export function SoundFold() {
    const t = useT();
    const { early_media, redirects_max } = useTyped('early_media', 'redirects_max');
    return (
        <IfSeen column="early_media">
            <Fold title={t('carriers.sound')} summary={[t(`carriers.medias.${early_media ?? 'prefer'}`), redirects_max ? t('carriers.redirects_count', { smart_count: redirects_max }) : t('carriers.no_redirects')].join(' · ')} sources={['early_media', 'redirects_max']}>
                <Fields>
                    <SelectInput source="early_media" label="columns.early_media" choices={(['prefer', 'pass', 'ring'] as const).map((id) => ({ id, name: t(`carriers.medias.${id}`) }))} />
                    <NumberInput source="redirects_max" label="columns.redirects_max" hint="carriers.redirects_hint" min={0} max={5} validate={between(0, 5)} />
                </Fields>
            </Fold>
        </IfSeen>
    );
}

function Sub({ children }: { children: string }) {
    return (
        <Box component="h3" sx={{ fontSize: '0.8125rem', fontWeight: 600, m: 0, mb: 1 }}>
            {children}
        </Box>
    );
}
