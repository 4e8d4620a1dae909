import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformationVerifier;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSData;
import org.bouncycastle.tsp.ers.ERSDataGroup;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;

/**
 * Judges one case per line of its input and answers each with a line: "ok", or what is wrong.
 *
 * <pre>
 * token   TOKEN IMPRINT CERTIFICATE...     the signature, and what RFC 3161 asks of its certificate
 * record  RECORD SECONDS DOCUMENT...       the hash trees, at a time
 * signed  RECORD SECONDS DOCUMENT...       the same, and the newest token's signature
 * </pre>
 */
final class BouncyCastle {
    private static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            String answer = "ok";
            try {
                if (words[0].equals("token")) {
                    token(words);
                } else {
                    record(words);
                }
            } catch (Exception error) {
                answer = error.toString().replaceAll("\\s+", " ");
            }
            System.out.println(answer);
        }
    }

    private static void token(String[] words) throws Exception {
        var token = new TimeStampToken(new CMSSignedData(bytes(words[1])));
        if (!Arrays.equals(token.getTimeStampInfo().getMessageImprintDigest(), bytes(words[2]))) {
            throw new Exception("the imprint is another");
        }
        List<X509CertificateHolder> known = new ArrayList<>(token.getCertificates().getMatches(null));
        for (int at = 3; at < words.length; at++) {
            known.add(new X509CertificateHolder(bytes(words[at])));
        }
        for (var each : known) {
            if (token.getSID().match(each)) {
                token.validate(verifier(each));
                return;
            }
        }
        throw new Exception("no certificate of the signer");
    }

    private static void record(String[] words) throws Exception {
        var digests = new JcaDigestCalculatorProviderBuilder().setProvider(PROVIDER).build();
        var record = new ERSEvidenceRecord(bytes(words[1]), digests);
        List<ERSData> documents = new ArrayList<>();
        for (int at = 3; at < words.length; at++) {
            documents.add(new ERSByteData(bytes(words[at])));
        }
        var data = documents.size() == 1 ? documents.get(0) : new ERSDataGroup(documents);
        record.validatePresent(data, new Date(1000 * Long.parseLong(words[2])));
        if (words[0].equals("signed")) {
            record.validate(verifier(record.getSigningCertificate()));
        }
    }

    private static SignerInformationVerifier verifier(X509CertificateHolder certificate) throws Exception {
        return new JcaSimpleSignerInfoVerifierBuilder().setProvider(PROVIDER).build(certificate);
    }

    private static byte[] bytes(String text) {
        return Base64.getDecoder().decode(text);
    }
}
