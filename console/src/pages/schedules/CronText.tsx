import { useLocaleState } from 'ra-core';
import { useFormat, useT } from '@/i18n';
import { readCron } from './cron';

/** When a schedule runs, in words where there are any. */
export function CronText({ cron }: { cron: string }) {
    const t = useT();
    const format = useFormat();
    const [locale] = useLocaleState();
    const meaning = readCron(cron);
    if (!meaning) return <code>{cron}</code>;
    const day = (index: number) => new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2026, 10, 1 + index));
    const text = (() => {
        switch (meaning.kind) {
            case 'every_minutes':
                return t('cron.every_minutes', { smart_count: meaning.minutes });
            case 'hourly':
                return t('cron.hourly', { minute: String(meaning.minute).padStart(2, '0') });
            case 'daily':
                return t('cron.daily', { time: meaning.time });
            case 'weekly':
                if (meaning.days.join() === '1,2,3,4,5') return t('cron.weekdays', { time: meaning.time });
                return t('cron.weekly', { time: meaning.time, days: format.list(meaning.days.map(day)) });
            case 'monthly':
                return t('cron.monthly', { time: meaning.time, day: meaning.day });
        }
    })();
    return <span title={cron}>{text}</span>;
}
