"""Which of the charsets that China, Taiwan, Japan and Western Europe write unlabelled a text is in.

Nearly any bytes are valid in several of them, and what is read wrongly is made of rare characters: so
each reading is scored by how common its characters are in that language. The sets are the most common
characters of general text, and words of business mail and documents.
"""

import codecs
from collections.abc import Iterator

SAMPLE = 3000
"""Characters that are scored, from the first that is not ASCII on."""

_BOTH = frozenset(
    "一丁七三上下不且世丙中主之乙九也了事二五些交亥京人什今他付代以仲件任份但位住何作你佳使例"
    "供侯便俊保信修候借假做健傅催像元充先光克入全八公六共其具再冬出函分切列初利到制前副力加勇"
    "勿包化北十千午半南博卯印即原去又及反取受口古只可台史司各合吉同名向告周命和品唐售商器四回"
    "因土在地圳址培基塑士壬夏外多大天太女她好如姐姚姜娜娟子孔字存孟它宇安宋完定客室家容寅密尊"
    "小少就尹屏展山峰崔川州工己已巳市帆常平年序庚度康廖建式形彭很律徐得德徽心必志快思怡急性息"
    "悉您情想意感戊戌成我或戴所手才打批承技把投披拉拍指授接控推描提支收改放政效敏教敬整文料斯"
    "新方日早旭昊明易星春昨是晚晨普晶曲更曹曾最月有服望期未末本朱李材村杜析林果查核格桂案梁模"
    "橡次欣款止正此武死段比毛民氧氮水求江池汪沈河治泄法波注洋津活流浙浩海消涵深添清港湖溶演潘"
    "澳烯焊然照熊片版物特玉王玲玻理琪璃瓷甘生用田由甲申界疆癸登白百的目直相省看真眼睿知石研硅"
    "硫碳磊磷示社祝神票祺福秀秋科秘秦稀程稿究空立站章符第等答算管箱籍粉粒系紫繁署美翔老考者而"
    "聚股胡胺能膜自至色芯芳苯英草落董蒙蔡薄薛藏融行街表袁被裁西要角解言象走起超路身辛辰通道那"
    "邱邵郝部郭都酉配酮酯酸醇醒醛重量金釜鑫附限院除陶集雨雪零雷霞露青非面音香高魏黎黑"
)
_SIMPLIFIED = frozenset(
    "万与丑专业东两个为丽么义乐乔书乱争于云产亿仅从仓们价会伟传体余偿儿兰关内册军冯决况准几凯"
    "划刘则刚别剂务动区华协单卢却厂历压县参双发变叶号后吕听吴员团围国图场声处备复头孙学宁实审"
    "对导将尔层属师带并广庆库应开张强当录总战户扫报据数无时显术机权条来杨杰构标样档梦检楼气氢"
    "汇汤没泽测浓涂涛润温湾点烦烧热独环现瑶电盐监盖着码确碱离种称税竞笔签简类紧红纤约纪纸线细"
    "终经结给络绝统续维编网罗职肃胶艳艺节苏范荐荣萧蒋补装见观规视觉触计订认让训议讯记许论讼设"
    "证识诉试诗话询该详语说请诺读谢谭财责账货质购贵贷贸贺贾资赔赖赵轩转软辉输边辽达过运还这进"
    "远违递邓邮邹郑采里钟钠钱钴铁铜铝铭银链销锂锌镀镇镍镜长门问间闻阅阎队际陆陈陕险难静韩页项"
    "顺顾颂预领频颗题颜额飞马验鹏黄龙龚"
)
_TRADITIONAL = frozenset(
    "並乾亂佈佔來係倉個們偉傑備傳僅價億償兒內兩冊凱別則剛劃劉劑動務匯區協卻參吧吳呂呢員問啟喬"
    "單嗎國圍圖團報場塗壓夢妳孫學實寧審將專對導層屬師帶幹幾庫廠廣張強後從復徵慶應戰戶掃採據數"
    "於時曆書會東條楊業榮構樂樓標樣機檔檢權歷氣氫決沒況洩測湯準溫潤澤濃濤灣為無煩熱燒爭爾獨現"
    "瑤環產當發監盧確碼祕稅種稱競筆節範簡簽籤紀約紅紙細終結絕絡給統經維網緊線編縣總續纖羅義聞"
    "聲職聽肅膠臺與華萬葉著蓋蔣蕭薦藝蘇蘭處號術衝補裝裡製複覆見規視覺覽觀觸訂計訊訓託記訟設許"
    "訴註詢試詩話該詳誌認語說請論諾謝謹證識譚議讀變讓豔財貨責貴貸貿賀資賈賠質賬賴購趙軍軒軟輝"
    "輸轉迴這週進運過達違遞遠遼還邊郵鄒鄧鄭醜鈉鈷銀銅銘銷鋁鋅鋰錄錢鍍鍾鎮鎳鏈鏡鐵長門開間閱閻"
    "關陝陳陸隊際險雙離難雲電靜韓頁項順頌預領頭頻顆題額顏類顧顯飛餘馬馮驗體髮鬱鵬鹼鹽麗麵麼黃"
    "點龍龔"
)
_JAPANESE = frozenset(
    "一七万三上下不中九了予事二五井京人今介仕付代令以件任伊会住佐体何作使価便保信修像償元先全"
    "八公六共具内円写出分判刷削前力加動務化区十千卒単印原参取受口古可号各合吉同名告和品員商問"
    "啓営四回囲図国土圧地報場塗声変外大太夫失契始子字存学守完定宜室害密察対小山岡川工差市布平"
    "年幸店府度座廃建式当役後御思急性恵情感成我戴所払承技抜担拝拠持振損支敬数文斎料新方日明昭"
    "是時曜更書月有期木本材村束条東松林果査校株案械棄検業様標権樹橋機次止正氏気水求池注洩添清"
    "渡温漏濃火無物特理生用田申町画番発百的皆目県真石研確示礼社禁私秘税積究竹答策管範約納紙終"
    "結絡緊線締美義考者能膜自至致菊著薄藤行術表裁製複要見計訟設許訴証試話該認請謝議責資賠質車"
    "転辺込返追送造連道還郎部郵都配重野量金鈴銀録長開間防阿限除階雄電面音頂額願類駅験高"
)

_CHINESE_MAINLAND = _BOTH | _SIMPLIFIED
_CHINESE_TRADITIONAL = _BOTH | _TRADITIONAL
_EAST_ASIAN = _CHINESE_MAINLAND | _TRADITIONAL | _JAPANESE
_CANDIDATES = (
    ("gb18030", _CHINESE_MAINLAND),
    ("cp950", _CHINESE_TRADITIONAL),
    ("cp932", _JAPANESE),
)
_LATIN = "cp1252"
_LATIN_SYMBOLS = frozenset("€£§©®°´·‘’“”–—…«»¿¡²³½ \x85")

_COMMON, _PUNCTUATION, _FREQUENT, _RARE, _UNLIKELY, _WRONG = 1.0, 0.7, 0.35, 0.1, -0.4, -2.0
_LEVELS = {"gb18030": ("gb2312", 0xD7), "cp950": ("big5", 0xC6), "cp932": ("cp932", 0x97)}
"""A charset whose characters stand in two levels, and the last first byte of the frequent ones."""


def scores(data: bytes, ended: bool) -> Iterator[tuple[float, str]]:
    """Yield (score, codec) of each reading that `data` can have at all; -2 to 1.

    `ended` as `loosely` has it.
    """
    for codec, common in _CANDIDATES:
        text = tolerant(data, codec, ended)
        if text is not None:
            yield score(text, codec, common), codec
    text = data.decode(_LATIN, "replace")
    yield _latin_score(text), _LATIN


def score_of(text: str) -> float:
    """Return how likely a text is one, whichever East Asian language it is in."""
    return score(text, "gb18030", _EAST_ASIAN)


def loosely(data: bytes, codec: str, ended: bool = True) -> str:
    """Return bytes decoded, U+FFFD for what is no character; not for one that the end cuts off."""
    return codecs.getincrementaldecoder(codec)("replace").decode(data, ended)


def tolerant(data: bytes, codec: str, ended: bool = True) -> str | None:
    """Return the same, None where more than one character in a hundred is none."""
    text = loosely(data, codec, ended)
    return text if text.count("�") * 100 <= len(text) else None


def score(text: str, codec: str, common: frozenset[str]) -> float:
    """Return how common the characters of a text are, ASCII apart; 0 where there are no others."""
    found = [_worth(each, codec, common) for each in _sample(text)]
    return sum(found) / len(found) if found else 0.0


def _sample(text: str) -> list[str]:
    start = next((at for at, each in enumerate(text) if each > "\x7f"), len(text))
    return [each for each in text[start : start + SAMPLE] if each > "\x7f"]


def _worth(character: str, codec: str, common: frozenset[str]) -> float:
    if character in common:
        return _COMMON
    if "぀" <= character <= "ヿ":
        return _COMMON if codec == "cp932" else _RARE
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e":
        return _PUNCTUATION
    if character in "‘’“”—…·×":
        return _PUNCTUATION
    if "一" <= character <= "鿿" or "㐀" <= character <= "䶿":
        charset, last = _LEVELS[codec]
        try:
            first = character.encode(charset)[0]
        except UnicodeEncodeError:
            return _UNLIKELY
        return _FREQUENT if first <= last else _RARE
    if "\ue000" <= character <= "\uf8ff" or character == "�" or character < "\xa0":
        return _WRONG
    return _UNLIKELY


def _latin_score(text: str) -> float:
    """Return how likely a text is Western: its letters beyond ASCII stand alone among others."""
    found = []
    for at, each in enumerate(text[: 4 * SAMPLE]):
        if each <= "\x7f":
            continue
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        alone = before <= "\x7f" and after <= "\x7f"
        if not each.isalpha() and each not in _LATIN_SYMBOLS:
            found.append(_UNLIKELY)
        elif alone:
            found.append(_PUNCTUATION)
        else:
            among = (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())
            found.append(_FREQUENT if among else _UNLIKELY)
    return sum(found) / len(found) if found else 0.0
