import UnfoldMore from '@mui/icons-material/UnfoldMore';
import Button from '@mui/material/Button';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { mayRoam, useMe, useMyPermissions } from '@/access/me';
import type { Center, Page } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';

/** In which centre one works, for those who may work in any. */
export function CenterSwitch() {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const navigate = useNavigate();
    const me = useMe();
    const roams = mayRoam(useMyPermissions());
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const { data } = useQuery({
        queryKey: ['centers', 'switch'],
        queryFn: () => client.get<Page<Center>>('/centers', { limit: 200, count: 'none' }),
        enabled: roams,
        staleTime: 300_000,
    });
    const centers = data?.items ?? [];
    if (!roams || centers.length < 2) return null;
    const here = client.center ?? me?.center;
    const name = centers.find(({ id }) => id === here)?.name ?? '';
    return (
        <>
            <Button color="inherit" onClick={(event) => setAnchor(event.currentTarget)} endIcon={<UnfoldMore />} aria-haspopup="menu" aria-label={`${t('nav.center')}: ${name}`} sx={{ color: 'text.secondary' }}>
                <bdi>{name}</bdi>
            </Button>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)}>
                {centers.map((center) => (
                    <MenuItem
                        key={center.id}
                        selected={center.id === here}
                        disabled={center.state === 'disabled'}
                        onClick={() => {
                            setAnchor(null);
                            client.center = center.id === me?.center ? undefined : center.id;
                            // Everything that is shown belongs to the centre of before.
                            void queries.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' && queryKey[0] !== 'centers' });
                            void navigate('/');
                        }}
                    >
                        <bdi>{center.name}</bdi>
                    </MenuItem>
                ))}
            </Menu>
        </>
    );
}
