//! The chart's texts, written for it.
//!
//! Standard: none; ours. In: nothing. Out: text. Left out: anything of a real message. Shown by: `paper::chart`.

/// A letter in English.
pub(super) const ENGLISH: &str = "                                             Washington, 30 August 1963

Dear colleague,

this is the first page of our test chart. It is set as a letter would be
typed: ten characters to the inch, six lines to the inch, ragged on the
right. If you can read it at arm's length, the line is good; if you can
read the small print at the foot of the next page, it is very good.

The quick brown fox jumps over the lazy dog. Pack my box with five dozen
liquor jugs. 1234567890, 24 x 98 = 2352; 100 % of (3 + 4) is 7. Is this
\"quoted\", or 'quoted'? Ships at 59\u{b0} 20' N, 18\u{b0} 03' E; cost: $1,728.50.

Please look at three things and write back:

  1. Are the letters e, a and s open, or have they filled with ink?
  2. Is any line of this letter missing, or printed twice?
  3. Does the rule below run from margin to margin without a break?

______________________________________________________________________

What follows is for the eye that gets tired. The cable leaves under the
ocean, comes up at London, goes by way of Copenhagen, Stockholm and
Helsinki, and ends at a desk much like this one. A second way goes by
radio through Tangier. A word takes less than a tenth of a second to get
there, and about ten seconds to be printed; a page by fax takes a minute
and brings the signature too. Neither brings the voice, which is the
point of it: what is written can be read again before it is answered.

Should a row be lost on the way, you will see a letter whose top and foot
do not quite meet. Should many be lost, tell us which, and the page will
be sent again. Keep this sheet beside the machine.

                                        Yours sincerely,



                                        The operator on watch
";

/// A letter in Russian.
pub(super) const RUSSIAN: &str = "                                          Москва, 30 августа 1963 г.

Уважаемый коллега!

Это вторая страница нашей испытательной таблицы. Она набрана так, как
печатают письмо на машинке: десять знаков на дюйм, шесть строк на дюйм.
Если вы читаете её, не поднося к глазам, линия хороша.

Съешь же ещё этих мягких французских булок, да выпей чаю. Южно-эфиопский
грач увёл мышь за хобот на съезд ящериц. 1234567890; 24 х 98 = 2352;
100 % от (3 + 4) равно 7. «Кавычки», № 5, тире \u{2014} и многоточие\u{2026}

Просим посмотреть на три вещи и ответить:

  1. Открыты ли буквы е, а, я, в, или они залиты краской?
  2. Не пропала ли строка, не напечатана ли она дважды?
  3. Идёт ли черта от поля до поля без разрыва?

______________________________________________________________________

Дальше написано для того, чей глаз уже устал. Кабель уходит под океан,
выходит на берег в Лондоне, идёт через Копенгаген, Стокгольм и Хельсинки
и кончается у стола, очень похожего на ваш. Другой путь идёт по радио
через Танжер. Слово доходит быстрее, чем за десятую долю секунды, а
печатается около десяти секунд; страница идёт минуту, но приносит и
подпись. Голоса не приносит ни то, ни другое, и в этом весь смысл:
написанное можно перечитать, прежде чем ответить.

Если по дороге пропадёт строка развёртки, вы увидите букву, у которой
верх не сходится с низом. Если пропадёт много строк, скажите, и страницу
пошлют ещё раз. Держите этот лист рядом с аппаратом.

                                        С уважением,



                                        дежурный оператор
";

/// A page without a free line: every line full, small and capital letters, figures, both alphabets.
pub(super) fn dense() -> String {
    let words: Vec<&str> = ENGLISH.split_whitespace().chain(RUSSIAN.split_whitespace()).filter(|w| !w.starts_with('_')).collect();
    let mut text = String::new();
    let mut n: usize = 0;
    for _ in 0..80 {
        let mut line = String::new();
        while line.chars().count() < 84 {
            line.push_str(words[n % words.len()]);
            line.push(' ');
            n += 7;
        }
        text.extend(line.chars().take(84));
        text.push('\n');
    }
    text
}
