import ApiOutlined from '@mui/icons-material/ApiOutlined';
import HelpOutlined from '@mui/icons-material/HelpOutlineOutlined';
import PersonOutlined from '@mui/icons-material/PersonOutlined';
import SettingsSuggestOutlined from '@mui/icons-material/SettingsSuggestOutlined';
import Box from '@mui/material/Box';
import Tooltip from '@mui/material/Tooltip';
import type { AuditEntry } from '@/api/types';
import { useCode } from '@/i18n';

const ICONS = { user: PersonOutlined, token: ApiOutlined, system: SettingsSuggestOutlined, nobody: HelpOutlined };

/** Who did it, and what kind of who: a person, a program with a person's token, the system itself, nobody known. */
export function Actor({ entry }: { entry: Pick<AuditEntry, 'actor_kind' | 'actor_name'> }) {
    const code = useCode();
    const Icon = ICONS[entry.actor_kind] ?? HelpOutlined;
    const kind = code('actor_kinds', entry.actor_kind);
    return (
        <Box component="span" sx={{ display: 'inline-flex', verticalAlign: 'middle', alignItems: 'center', gap: 0.5 }}>
            <Tooltip title={kind}>
                <Icon sx={{ fontSize: 16, color: 'text.secondary' }} aria-label={kind} />
            </Tooltip>
            <bdi>{(entry.actor_kind === 'system' ? code('system_parts', entry.actor_name, code('job_kinds', entry.actor_name)) : entry.actor_name) || kind}</bdi>
        </Box>
    );
}
