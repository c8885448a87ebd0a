import Button from '@mui/material/Button';
import FormControlLabel from '@mui/material/FormControlLabel';
import Switch from '@mui/material/Switch';
import { useSettings } from '@/access/settings';
import { useT } from '@/i18n';
import { useKeysHelp } from '@/ui/keys/useKeys';
import { Section } from '@/ui/page';

/** Whether single letters do something by themselves, which whoever speaks to the computer may not want (WCAG 2.1.4). */
export function KeysSection() {
    const t = useT();
    const help = useKeysHelp();
    const [settings, change] = useSettings();
    return (
        <Section title={t('keys.help')} about={t('keys.letters_about')} actions={<Button onClick={help}>{t('keys.show')}</Button>}>
            <FormControlLabel control={<Switch checked={settings.letterKeys !== false} onChange={(_, on) => change({ letterKeys: on })} sx={{ mr: 0.5 }} />} label={t('keys.letters')} />
        </Section>
    );
}
