import Button from '@mui/material/Button';
import { useState } from 'react';
import { PhoneSetupDialog } from './PhoneSetupDialog';
import type { PhoneAccount } from './formats';

const account = (number: string): PhoneAccount => ({ number, username: number, password: `secret-of-${number}` });

function Opened({ accounts }: { accounts: PhoneAccount[] }) {
    const [open, setOpen] = useState(false);
    return (
        <>
            <Button variant="outlined" onClick={() => setOpen(true)}>
                …
            </Button>
            {open && <PhoneSetupDialog accounts={accounts} onClose={() => setOpen(false)} />}
        </>
    );
}

export const One = () => <Opened accounts={[account('6001')]} />;

export const Many = () => <Opened accounts={['7001', '7002', '7003'].map(account)} />;
