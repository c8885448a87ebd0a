import PhoneCallbackOutlined from '@mui/icons-material/PhoneCallbackOutlined';
import Button from '@mui/material/Button';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { MissedCall } from '@/api/desk';
import { phone, useT } from '@/i18n';
import { SlotName } from '@/pages/calls/parts';
import { claimOf, useMissedDeeds } from '@/ui/crm/callBack';
import { Colleague } from '@/ui/crm/Colleague';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { MISSED_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Person, Phone, useNow } from '@/ui/values';
import { PutAllAway } from './PutAllAway';

const COLUMNS: ColumnSpec<MissedCall>[] = [
    { name: 'at', label: 'missed.at', render: (call) => <Moment at={call.at} />, width: 130, figures: true },
    { name: 'number', label: 'missed.number', render: (call) => <Phone number={call.number} />, figures: true },
    { name: 'scenario', label: 'columns.scenario' },
    { name: 'slot', label: 'columns.slot', render: (call) => <SlotName id={call.slot} />, width: 90 },
    { name: 'state', label: 'missed.state', render: (call) => <CodeBadge prefix="missed_states" code={call.state} tones={MISSED_TONES} />, width: 140 },
    { name: 'claimed_by', label: 'missed.who', render: (call) => <Claim call={call} /> },
    { name: 'done_at', label: 'missed.done_at', render: (call) => <Moment at={call.done_at} />, width: 130, figures: true },
    { name: 'done_by', label: 'missed.done_by', render: (call) => <Person id={call.done_by} />, extra: true },
    { name: 'call_id', render: (call) => <code>{call.call_id}</code>, extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'time', name: 'at', label: 'missed.at' },
    { kind: 'text', name: 'number', label: 'missed.number', operator: 'prefix' },
    { kind: 'text', name: 'scenario', label: 'columns.scenario', operator: 'eq' },
];

/** Who is about to call back, as long as that holds. */
function Claim({ call }: { call: MissedCall }) {
    return <Colleague id={claimOf(call, useNow(30_000))} />;
}

/** Calls that nobody answered, and what has come of them. */
export function MissedList() {
    const t = useT();
    const can = useCan();
    const navigate = useNavigate();
    const now = useNow(30_000);
    const [all, setAll] = useState(false);
    const { canCall, callBack, dismiss, isMine } = useMissedDeeds();
    const actions = (call: MissedCall) => {
        if (call.state !== 'open' || !can('calls.start')) return null;
        const isTaken = claimOf(call, now) !== undefined && !isMine(call, now);
        return (
            <>
                <Button color="inherit" disabled={isTaken || !canCall} onClick={() => void callBack(call)} aria-label={t('missed.call_back_to', { number: phone(call.number) })}>
                    {t('missed.call_back')}
                </Button>
                <Button color="inherit" disabled={isTaken} onClick={() => void dismiss(call)}>
                    {t('missed.dismiss')}
                </Button>
            </>
        );
    };
    return (
        <ListPage<MissedCall>
            resource="missed-calls"
            topic="misseds"
            title={t('nav.missed')}
            about={can('calls.start') && !canCall ? `${t('missed.about')} ${t('missed.needs_slot')}` : t('missed.about')}
            columns={COLUMNS}
            filters={FILTERS}
            filter={all ? undefined : { state: 'open' }}
            sort={{ field: 'at', order: 'DESC' }}
            actions={
                <>
                    {can('calls.start') && <PutAllAway />}
                    <ToggleButtonGroup exclusive size="small" value={all} onChange={(_, next: boolean | null) => next !== null && setAll(next)} aria-label={t('missed.which')}>
                        <ToggleButton value={false}>{t('missed.open')}</ToggleButton>
                        <ToggleButton value>{t('missed.all')}</ToggleButton>
                    </ToggleButtonGroup>
                </>
            }
            onOpen={(call) => void navigate(`/calls/${call.call_id}/show`)}
            rowActions={actions}
            empty={<Empty icon={PhoneCallbackOutlined} title={t('missed.none')} hint={t('missed.none_hint')} />}
        />
    );
}
