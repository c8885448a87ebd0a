import MoreVert from '@mui/icons-material/MoreVert';
import Divider from '@mui/material/Divider';
import IconButton from '@mui/material/IconButton';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import { useState } from 'react';
import { useCan, useMe } from '@/access/me';
import type { Slot } from '@/api/types';
import { useT } from '@/i18n';
import { useSlotDeeds } from '@/live/deeds';
import { Confirm } from '@/ui/confirm';
import { PhoneSetupDialog } from '@/ui/phone-setup/PhoneSetupDialog';
import type { PhoneAccount } from '@/ui/phone-setup/formats';
import { useTell, useTellProblem } from '@/ui/problems';
import { isOutOfService, useSlotAdmin } from './deeds';

type Item = 'line' | { label: string; do: () => unknown };

/** All that one may do with a slot. */
export function SlotMenu({ slot }: { slot: Slot }) {
    const t = useT();
    const can = useCan();
    const me = useMe();
    const admin = useSlotAdmin();
    const deeds = useSlotDeeds();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const [asking, setAsking] = useState<'password' | 'disable' | 'fault' | 'delete'>();
    const [account, setAccount] = useState<PhoneAccount>();
    const run = async (work: Promise<unknown>, done?: string) => {
        try {
            await work;
            if (done) tell(done);
        } catch (problem) {
            tellProblem(problem);
        }
    };
    const isOut = isOutOfService(slot);
    const items: (Item | false)[] = [
        can('slots.use') && can('calls.start') && !isOut && slot.holder == null && { label: t('slots.take'), do: () => run(deeds.take(slot)) },
        can('slots.use') && slot.holder != null && slot.holder === me?.id && { label: t('slots.release'), do: () => run(deeds.release(slot)) },
        can('slots.admin') && 'line',
        can('slots.admin') && isOut && { label: t('slots.enable'), do: () => run(admin.setState(slot, 'IDLE'), t('slots.enabled')) },
        can('slots.admin') && slot.state !== 'DISABLED' && { label: t('slots.disable'), do: () => setAsking('disable') },
        can('slots.admin') && slot.state !== 'FAULT' && { label: t('slots.fault'), do: () => setAsking('fault') },
        can('slots.admin') && { label: t('slots.new_password'), do: () => setAsking('password') },
        can('slots.delete') && 'line',
        can('slots.delete') && { label: t('slots.delete'), do: () => setAsking('delete') },
    ];
    const there = items.filter((item) => item !== false);
    const visible = there.filter((item, index) => item !== 'line' || (index > 0 && index < there.length - 1 && there[index - 1] !== 'line'));
    if (visible.every((item) => item === 'line')) return null;
    return (
        <>
            <IconButton aria-label={t('slots.deeds', { number: slot.number })} aria-haspopup="menu" onClick={(event) => setAnchor(event.currentTarget)}>
                <MoreVert fontSize="small" />
            </IconButton>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)}>
                {visible.map((item, index) =>
                    item === 'line' ? (
                        <Divider key={`line-${index}`} />
                    ) : (
                        <MenuItem
                            key={item.label}
                            onClick={() => {
                                setAnchor(null);
                                void item.do();
                            }}
                        >
                            {item.label}
                        </MenuItem>
                    ),
                )}
            </Menu>
            <Confirm
                open={asking === 'password'}
                title={t('slots.password_title', { number: slot.number })}
                action={t('slots.new_password')}
                onClose={() => setAsking(undefined)}
                onConfirm={async () => {
                    const changed = await admin.newPassword(slot);
                    setAccount({ number: slot.number, username: changed.username ?? slot.number, password: changed.password ?? '' });
                }}
            >
                {t('slots.password_text')}
            </Confirm>
            <Confirm open={asking === 'disable'} danger title={t('slots.disable_title', { number: slot.number })} action={t('slots.disable')} onClose={() => setAsking(undefined)} onConfirm={() => admin.setState(slot, 'DISABLED')}>
                {t('slots.disable_text')}
            </Confirm>
            <Confirm open={asking === 'fault'} danger title={t('slots.fault_title', { number: slot.number })} action={t('slots.fault')} onClose={() => setAsking(undefined)} onConfirm={() => admin.setState(slot, 'FAULT')}>
                {t('slots.fault_text')}
            </Confirm>
            <Confirm open={asking === 'delete'} danger title={t('slots.delete_title', { number: slot.number })} action={t('slots.delete')} onClose={() => setAsking(undefined)} onConfirm={() => admin.remove(slot)}>
                {t('slots.delete_text')}
            </Confirm>
            {account && <PhoneSetupDialog accounts={[account]} onClose={() => setAccount(undefined)} />}
        </>
    );
}
