import { useT } from '@/i18n';
import { Page, PageHead } from '@/ui/page';
import { KeysSection } from './KeysSection';
import { LookSection } from './LookSection';
import { PasswordSection } from './PasswordSection';
import { ProfileSection } from './ProfileSection';
import { SessionsSection } from './SessionsSection';
import { TokensSection } from './TokensSection';

/** What one sets up for oneself. */
export function SettingsPage() {
    const t = useT();
    return (
        <Page width={860}>
            <PageHead title={t('nav.settings')} />
            <ProfileSection />
            <LookSection />
            <KeysSection />
            <PasswordSection />
            <SessionsSection />
            <TokensSection />
        </Page>
    );
}
