import FormHelperText from '@mui/material/FormHelperText';
import { useRecordContext } from 'ra-core';
import { useWatch } from 'react-hook-form';
import type { Carrier } from '@/api/plan';
import { mayRoam, useMyPermissions } from '@/access/me';
import { useT } from '@/i18n';
import { between, NumberInput, PasswordInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { More } from '@/ui/form/More';
import { IfSeen } from '@/ui/form/rights';
import { Rows } from '@/ui/form/Rows';
import { SlotsInput } from '@/ui/form/tags';
import { Section } from '@/ui/page';
import { CenterInput } from './CenterInput';
import { hostOnWire } from './host';
import { useTyped } from './typed';
import { NO_ACCOUNT, NO_NUMBER, readNumber } from './wire';

/** With which name and password the carrier knows us. */
export function AccountsSection() {
    const t = useT();
    const isElsewhere = useIsElsewhere();
    return (
        <IfSeen column="accounts">
            <Section title={t('columns.accounts')} about={t('carriers.accounts_about')}>
                {isElsewhere && (
                    <FormHelperText error role="status" sx={{ mb: 1 }}>
                        {t('carriers.passwords_anew')}
                    </FormHelperText>
                )}
                <Rows source="accounts" label={t('carriers.account')} add={t('carriers.account_add')} none={t('carriers.no_accounts')} blank={NO_ACCOUNT} columns="1fr 1fr" max={100}>
                    {(row) => <AccountFields source={row} />}
                </Rows>
            </Section>
        </IfSeen>
    );
}

function AccountFields({ source }: { source: string }) {
    const record = useRecordContext<Carrier>();
    const name = useWatch({ name: `${source}.username` }) as string | undefined;
    const isElsewhere = useIsElsewhere();
    // The server keeps the password of an account that it knows by this name.
    const isKept = !isElsewhere && record?.accounts?.some(({ username }) => username === name);
    return (
        <>
            <TextInput source={`${source}.username`} label="columns.username" maxLength={128} />
            <PasswordInput source={`${source}.password`} label="columns.password" hint={isKept ? 'carriers.password_kept' : undefined} />
            <More sources={[`${source}.realm`, `${source}.contact_user`, `${source}.register`, `${source}.expires_s`]}>
                <TextInput source={`${source}.realm`} label="carriers.realm" hint="carriers.realm_hint" maxLength={128} />
                <TextInput source={`${source}.contact_user`} label="carriers.contact_user" hint="carriers.contact_user_hint" maxLength={64} />
                <SwitchInput source={`${source}.register`} label="carriers.register" hint="carriers.register_hint" />
                <NumberInput source={`${source}.expires_s`} label="carriers.expires_s" hint="carriers.expires_hint" min={60} max={86_400} validate={between(60, 86_400)} />
            </More>
        </>
    );
}

/** Whether a host stands in the form that was not there: then no password is kept, or whoever changes hosts could have them sent to their own. */
function useIsElsewhere(): boolean {
    const record = useRecordContext<Carrier>();
    const { hosts } = useTyped('hosts');
    const known = record?.id === undefined ? undefined : record.hosts;
    return known !== undefined && (record?.accounts?.length ?? 0) > 0 && (hosts ?? []).some((uri) => uri !== '' && !known.includes(hostOnWire(uri)));
}

/** Our numbers, and what rings when they are called. */
export function NumbersSection() {
    const t = useT();
    const isShared = useTyped('centers').centers === 'all';
    return (
        <IfSeen column="numbers">
            <Section title={t('carriers.numbers')} about={t('carriers.numbers_about')}>
                <Rows
                    source="numbers"
                    label={t('columns.number')}
                    add={t('carriers.number_add')}
                    none={t('carriers.no_numbers')}
                    blank={NO_NUMBER}
                    columns={isShared ? '1.1fr 1.2fr 1fr 1fr 90px 1fr' : '1.1fr 1.4fr 1fr 1fr 100px'}
                    max={10_000}
                    paste={{ reader: readNumber, title: t('carriers.paste_numbers'), hint: t('carriers.paste_numbers_hint') }}
                >
                    {(row, index) => (
                        <>
                            <TextInput source={`${row}.number`} label="columns.number" hint={index === 0 ? 'carriers.number_hint' : undefined} maxLength={32} />
                            <SlotsInput source={`${row}.to`} label="carriers.to" hint={index === 0 ? 'carriers.to_hint' : undefined} />
                            <TextInput source={`${row}.scenario`} label="columns.scenario" maxLength={100} />
                            <TextInput source={`${row}.source`} label="carriers.source" hint={index === 0 ? 'carriers.source_hint' : undefined} maxLength={100} />
                            <NumberInput source={`${row}.calls_max`} label="columns.calls_max" hint={index === 0 ? 'carriers.no_limit' : undefined} min={0} max={20_000} />
                            {isShared && <CenterInput source={`${row}.center`} />}
                        </>
                    )}
                </Rows>
                <More sources={['scenario', 'source']}>
                    <TextInput source="scenario" label="columns.scenario" hint="carriers.scenario_hint" maxLength={100} />
                    <TextInput source="source" label="carriers.source" hint="carriers.scenario_hint" maxLength={100} />
                </More>
            </Section>
        </IfSeen>
    );
}

/** By which numbers we may call. */
export function CallersSection({ isNew }: { isNew: boolean }) {
    const t = useT();
    const isShared = useTyped('centers').centers === 'all';
    const isSame = useTyped('callers_too').callers_too === true;
    return (
        <IfSeen column="callers">
            <Section title={t('carriers.callers')} about={t('carriers.callers_about')}>
                {isNew && <SwitchInput source="callers_too" label="carriers.callers_too" hint="carriers.callers_too_hint" />}
                {!isSame && (
                    <Rows
                        source="callers"
                        label={t('carriers.caller')}
                        add={t('carriers.caller_add')}
                        none={t('carriers.no_callers')}
                        blank={{ number: '' }}
                        columns={isShared ? '1fr 1fr' : 'minmax(220px, 360px)'}
                        max={10_000}
                        paste={{ reader: readCaller, title: t('carriers.paste_numbers'), hint: t('carriers.paste_callers_hint') }}
                    >
                        {(row) => (
                            <>
                                <TextInput source={`${row}.number`} label="columns.number" maxLength={32} />
                                {isShared && <CenterInput source={`${row}.center`} />}
                            </>
                        )}
                    </Rows>
                )}
            </Section>
        </IfSeen>
    );
}

const readCaller = (cells: string[]) => {
    const row = readNumber(cells.slice(0, 1));
    return row && { number: row.number };
};

/** Whether one may have a carrier for every centre. */
export function useMayShare(): boolean {
    return mayRoam(useMyPermissions());
}

