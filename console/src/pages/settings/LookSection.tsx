import DarkModeOutlined from '@mui/icons-material/DarkModeOutlined';
import LightModeOutlined from '@mui/icons-material/LightModeOutlined';
import SettingsBrightnessOutlined from '@mui/icons-material/SettingsBrightnessOutlined';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import { useLook, type Look } from '@/app/look';
import { useSettings } from '@/access/settings';
import { useT } from '@/i18n';
import { Section } from '@/ui/page';

const LOOKS = [
    ['light', LightModeOutlined],
    ['dark', DarkModeOutlined],
    ['system', SettingsBrightnessOutlined],
] as const;

/** Light or dark, or as the machine is. */
export function LookSection() {
    const t = useT();
    const { look, setLook } = useLook();
    const [, change] = useSettings();
    return (
        <Section title={t('settings.look')}>
            <ToggleButtonGroup
                exclusive
                size="small"
                color="primary"
                value={look}
                aria-label={t('settings.look')}
                onChange={(_, next: Look | null) => {
                    if (!next) return;
                    setLook(next);
                    change({ look: next });
                }}
            >
                {LOOKS.map(([name, Icon]) => (
                    <ToggleButton key={name} value={name} sx={{ gap: 1, px: 2 }}>
                        <Icon fontSize="small" />
                        {t(`settings.looks.${name}`)}
                    </ToggleButton>
                ))}
            </ToggleButtonGroup>
        </Section>
    );
}
