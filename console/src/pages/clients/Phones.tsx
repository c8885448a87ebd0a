import Box from '@mui/material/Box';
import type { ClientPhone } from '@/api/crm';
import { useCode } from '@/i18n';
import { Nothing, Phone } from '@/ui/values';

/** The numbers of a client; in a list the first one, and how many more there are. */
export function Phones({ phones, whole }: { phones: readonly ClientPhone[] | undefined; whole?: boolean }) {
    const code = useCode();
    const sorted = phones?.toSorted((a, b) => Number(b.primary) - Number(a.primary)) ?? [];
    const [first] = sorted;
    if (!first) return <Nothing />;
    if (!whole) {
        return (
            <span>
                <Phone number={first.number} />
                {sorted.length > 1 && (
                    <Box component="span" sx={{ color: 'text.secondary' }}>
                        {' '}
                        +{sorted.length - 1}
                    </Box>
                )}
            </span>
        );
    }
    return (
        <Box component="ul" sx={{ listStyle: 'none', m: 0, p: 0 }}>
            {sorted.map((each) => (
                <li key={each.number}>
                    <Phone number={each.number} />{' '}
                    <Box component="span" sx={{ color: 'text.secondary' }}>
                        {code('phone_kinds', each.kind)}
                    </Box>
                </li>
            ))}
        </Box>
    );
}
