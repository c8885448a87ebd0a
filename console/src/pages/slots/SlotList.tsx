import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import PhonelinkOffOutlined from '@mui/icons-material/PhonelinkOffOutlined';
import PhonelinkOutlined from '@mui/icons-material/PhonelinkOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Tooltip from '@mui/material/Tooltip';
import { Link, useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { Slot } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { SLOT_TONES } from '@/ui/tones';
import { Code, CodeBadge, Person, Ticking } from '@/ui/values';
import { SlotMenu } from './SlotMenu';
import { SlotStatusBadge } from './status';

const COLUMNS: ColumnSpec<Slot>[] = [
    { name: 'number', render: (slot) => <strong style={{ fontWeight: 600 }}>{slot.number}</strong>, sort: true, width: 100 },
    { name: 'type', render: (slot) => <Code prefix="trunk_types" code={slot.type} />, width: 130 },
    { name: 'status', render: (slot) => <SlotStatusBadge slot={slot} />, width: 130 },
    { name: 'state', render: (slot) => <CodeBadge prefix="slot_states" code={slot.state} tones={SLOT_TONES} />, width: 170 },
    { name: 'since', render: (slot) => <Ticking since={slot.since} />, align: 'right', width: 110, figures: true },
    { name: 'registered', render: (slot) => <Registered value={slot.registered} /> },
    { name: 'holder', render: (slot) => <Person id={slot.holder} name={slot.holder_name} /> },
    { name: 'epoch', align: 'right', extra: true },
    { name: 'id', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'status', prefix: 'slot_statuses', choices: ['free', 'busy', 'taken', 'offline', 'fault', 'disabled'] },
    { kind: 'choice', name: 'type', prefix: 'trunk_types', choices: ['auto', 'mf', 'ls'] },
    { kind: 'text', name: 'number', operator: 'prefix' },
    { kind: 'yes', name: 'registered' },
    { kind: 'user', name: 'holder' },
];

/** Every SIP account, as it is now. */
export function SlotList() {
    const t = useT();
    const can = useCan();
    const navigate = useNavigate();
    return (
        <ListPage<Slot>
            resource="slots"
            title={t('nav.slots')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'number', order: 'ASC' }}
            topic="slots"
            onOpen={(slot) => void navigate(`/slots/${slot.id}/show`)}
            rowActions={(slot) => <SlotMenu slot={slot} />}
            empty={
                <Empty
                    icon={DialpadOutlined}
                    title={t('slots.empty')}
                    hint={t('slots.empty_hint')}
                    action={
                        can('trunks.create') && (
                            <Button component={Link} to="/trunks/create" variant="contained">
                                {t('trunks.create')}
                            </Button>
                        )
                    }
                />
            }
        />
    );
}

/** Whether a phone is there. */
export function Registered({ value, short }: { value: boolean | undefined; short?: boolean }) {
    const t = useT();
    const label = value ? t('slots.phone_there') : t('slots.phone_gone');
    const Icon = value ? PhonelinkOutlined : PhonelinkOffOutlined;
    return (
        <Tooltip describeChild title={value ? t('slots.phone_there_hint') : t('slots.phone_gone_hint')}>
            <Box component="span" sx={{ display: 'inline-flex', verticalAlign: 'middle', alignItems: 'center', gap: 0.5, color: value ? 'text.primary' : 'text.secondary' }}>
                <Icon sx={{ fontSize: 16, opacity: 0.8 }} aria-label={short ? label : undefined} role={short ? 'img' : undefined} />
                {!short && label}
            </Box>
        </Tooltip>
    );
}
