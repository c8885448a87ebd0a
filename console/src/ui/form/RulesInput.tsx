import { useT, type MessageKey } from '@/i18n';
import { NumberInput, SelectInput, TextInput } from './inputs';
import { Rows } from './Rows';

/** Ordered rules for numbers: those that begin so lose characters and get others; the first that fits is the only one. */
export function RulesInput({ source, none, of = true }: { source: string; none: MessageKey; /** Whether a rule says which number it is for. */ of?: boolean }) {
    const t = useT();
    return (
        <Rows source={source} label={t('rules.rule')} add={t('rules.add')} none={t(none)} blank={{ of: 'both', starts: '', strip: 0, add: '' }} columns={of ? '1.2fr 1fr 0.8fr 0.8fr 0.8fr 1fr' : '1fr 0.8fr 0.8fr 0.8fr 1fr'} max={64}>
            {(row) => (
                <>
                    {of && <SelectInput source={`${row}.of`} label="rules.of" choices={(['both', 'called', 'caller'] as const).map((id) => ({ id, name: t(`rules.ofs.${id}`) }))} />}
                    <TextInput source={`${row}.starts`} label="rules.starts" maxLength={32} />
                    <NumberInput source={`${row}.length.min`} label="rules.length_min" min={1} max={32} />
                    <NumberInput source={`${row}.length.max`} label="rules.length_max" min={1} max={32} />
                    <NumberInput source={`${row}.strip`} label="rules.strip" min={0} max={32} />
                    <TextInput source={`${row}.add`} label="rules.put" maxLength={32} />
                </>
            )}
        </Rows>
    );
}
